//! An environment as clients read it: the machine of a session.

use mainstay_core::port::{ExecutorStatus, SandboxInfo, SandboxStatus};
use mainstay_core::session::{SessionRow, SessionStatus};
use mainstay_protocol::{ApiError, ErrorCode, Principal, SessionId};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::error::not_found;
use crate::openai::agents::sessions::find_session;
use crate::openai::project::{SessionExtras, environment_id, environment_session};
use crate::openai::wire::{EnvironmentStatus, HostedFile};
use crate::state::AppState;

/// An environment.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct EnvironmentInfo {
    pub(crate) id: String,
    object: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    status: EnvironmentStatus,
    files: Vec<HostedFile>,
    plugins: Vec<Value>,
    skills: Vec<Value>,
    /// Extension: the session that it belongs to.
    session_id: String,
}

impl EnvironmentInfo {
    /// The environment of a session's rows, with the machines that there are.
    pub(super) async fn of(
        state: &AppState,
        row: &SessionRow,
        extras: SessionExtras,
        machines: &[SandboxInfo],
    ) -> Self {
        if extras.self_hosted.is_some() {
            return Self {
                id: environment_id(&row.id),
                object: "agent.environment",
                kind: "self_hosted",
                status: executor_status(state, &row.id).await,
                files: Vec::new(),
                plugins: Vec::new(),
                skills: Vec::new(),
                session_id: row.id.to_string(),
            };
        }
        let machine = machines.iter().find(|machine| machine.session == row.id);
        Self {
            id: environment_id(&row.id),
            object: "agent.environment",
            kind: "openai_hosted",
            status: status(row, machine.map(|machine| machine.status)),
            files: extras.environment.map(|view| view.files).unwrap_or_default(),
            plugins: Vec::new(),
            skills: Vec::new(),
            session_id: row.id.to_string(),
        }
    }
}

/// A machine is made when it is needed, so that one that is not there is ready, or can be brought back.
fn status(row: &SessionRow, machine: Option<SandboxStatus>) -> EnvironmentStatus {
    let is_saved = row.workspace.as_ref().is_some_and(|known| known.checkpoint.is_some());
    match machine {
        _ if row.status == SessionStatus::Failed => EnvironmentStatus::Failed,
        Some(SandboxStatus::Running) => EnvironmentStatus::Connected,
        Some(SandboxStatus::Parked) => EnvironmentStatus::Suspended,
        None if is_saved => EnvironmentStatus::Suspended,
        None => EnvironmentStatus::Ready,
    }
}

/// A client's own machine is as its executor is.
async fn executor_status(state: &AppState, session: &SessionId) -> EnvironmentStatus {
    let Some(executors) = state.executors() else { return EnvironmentStatus::Pending };
    match executors.status(session).await {
        ExecutorStatus::Pending => EnvironmentStatus::Pending,
        ExecutorStatus::Connected => EnvironmentStatus::Connected,
        ExecutorStatus::Disconnected => EnvironmentStatus::Disconnected,
    }
}

/// The session of the caller's environment of this id.
pub(super) async fn find(
    state: &AppState,
    caller: &Principal,
    id: &str,
) -> Result<SessionRow, ApiError> {
    let missing = || not_found("environment", id);
    let session = environment_session(id).ok_or_else(missing)?;
    let row = find_session(state, caller, session.as_str())
        .await
        .map_err(|error| if error.code == ErrorCode::NotFound { missing() } else { error })?;
    if row.workspace.is_none() {
        return Err(missing());
    }
    Ok(row)
}

/// The machines that there are; a server that cannot tell has none to show.
pub(super) async fn machines(state: &AppState, session: Option<&SessionId>) -> Vec<SandboxInfo> {
    match state.engine().sandboxes().list().await {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(?session, %error, "machines could not be listed");
            Vec::new()
        }
    }
}
