//! A sandbox as operators read it.

use mainstay_core::port::{
    Checkpoint, ExecutorStatus, SandboxInfo, SandboxSpec, SandboxStatus, SandboxTier,
};
use mainstay_core::session::SessionRow;
use mainstay_protocol::{ApiError, Seq};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::openai::agents::sessions::SessionRows;
use crate::openai::project::{environment_id, seconds};
use crate::state::AppState;

/// A sandbox.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Sandbox")]
pub(crate) struct SandboxObject {
    /// The id of its session.
    pub(super) id: String,
    object: &'static str,
    session_id: String,
    environment_id: String,
    status: SandboxState,
    /// How it is kept apart; null where there is no machine.
    tier: Option<&'static str>,
    /// What keeps it; null where there is no machine.
    driver: Option<String>,
    /// When the machine was made; null where there is none.
    created_at: Option<u64>,
    /// When it was used last; null where there is no machine.
    used_at: Option<u64>,
    /// What was saved last; null when nothing was.
    checkpoint: Option<SavedObject>,
    /// Calls whose work is not saved.
    unsaved_calls: u32,
}

/// One sandbox, with what it is made from.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SandboxDetails")]
pub(crate) struct SandboxDetails {
    #[serde(flatten)]
    sandbox: SandboxObject,
    spec: SpecObject,
}

/// What a sandbox does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum SandboxState {
    /// There is no machine: the next call makes one.
    Absent,
    /// The machine runs.
    Running,
    /// The machine is put away, and comes back with the next call.
    Parked,
    /// A self-hosted environment's executor never came.
    Pending,
    /// It is there.
    Connected,
    /// It left, and may come back.
    Disconnected,
}

/// A saved workspace.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SandboxCheckpoint")]
pub(crate) struct SavedObject {
    /// The entry that brought it.
    seq: Seq,
    /// The root of what was saved.
    workspace: String,
    file_count: u64,
    size_bytes: u64,
}

/// What a machine is made from.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SandboxSpec")]
struct SpecObject {
    /// `openai_hosted`: a machine of this server; `self_hosted`: the client's own.
    r#type: &'static str,
    image: String,
    cpus: u32,
    memory_mib: u64,
    disk_mib: u64,
    processes: u32,
    /// What it may reach.
    #[schemars(with = "serde_json::Map<String, Value>")]
    network: Value,
}

impl SandboxObject {
    /// The sandbox of a session, with its machine if it has one.
    pub(super) fn new(row: &SessionRow, machine: Option<&SandboxInfo>) -> Self {
        let known = row.workspace.clone().unwrap_or_default();
        Self {
            id: row.id.to_string(),
            object: "sandbox",
            session_id: row.id.to_string(),
            environment_id: environment_id(&row.id),
            status: machine.map_or(SandboxState::Absent, |machine| machine.status.into()),
            tier: machine.map(|machine| tier_name(machine.tier)),
            driver: machine.map(|machine| machine.driver.clone()),
            created_at: machine.map(|machine| seconds(machine.created_at_ms)),
            used_at: machine.map(|machine| seconds(machine.used_at_ms)),
            checkpoint: known
                .checkpoint
                .map(|saved| SavedObject::new(known.checkpoint_seq, &saved)),
            unsaved_calls: known.calls_since,
        }
    }
}

impl SandboxDetails {
    /// One sandbox as it is now.
    pub(super) async fn of(state: &AppState, rows: SessionRows) -> Result<Self, ApiError> {
        let machine = state.engine().sandbox_of(&rows.row.id).await?;
        let mut sandbox = SandboxObject::new(&rows.row, machine.as_ref());
        let spec = rows.config.sandbox.as_ref().map(|sandbox| &sandbox.spec);
        if spec.is_some_and(|spec| spec.executor.is_some()) {
            sandbox.status = match state.executors() {
                Some(executors) => executors.status(&rows.row.id).await.into(),
                None => SandboxState::Pending,
            };
        }
        Ok(Self { sandbox, spec: SpecObject::new(spec) })
    }
}

impl SavedObject {
    fn new(seq: Seq, saved: &Checkpoint) -> Self {
        Self {
            seq,
            workspace: saved.workspace.clone(),
            file_count: saved.file_count,
            size_bytes: saved.size_bytes,
        }
    }
}

impl SpecObject {
    fn new(spec: Option<&SandboxSpec>) -> Self {
        let is_own = spec.is_some_and(|spec| spec.executor.is_some());
        Self {
            r#type: if is_own { "self_hosted" } else { "openai_hosted" },
            image: spec.map(|spec| spec.image.clone()).unwrap_or_default(),
            cpus: spec.map_or(0, |spec| spec.cpus),
            memory_mib: spec.map_or(0, |spec| spec.memory_mib),
            disk_mib: spec.map_or(0, |spec| spec.disk_mib),
            processes: spec.map_or(0, |spec| spec.processes),
            network: spec
                .and_then(|spec| serde_json::to_value(&spec.network).ok())
                .unwrap_or_else(|| serde_json::json!({})),
        }
    }
}

/// The tier's name in this API.
pub(super) fn tier_name(tier: SandboxTier) -> &'static str {
    match tier {
        SandboxTier::Microvm => "microvm",
        SandboxTier::Process => "process",
    }
}

impl From<SandboxStatus> for SandboxState {
    fn from(status: SandboxStatus) -> Self {
        match status {
            SandboxStatus::Running => Self::Running,
            SandboxStatus::Parked => Self::Parked,
        }
    }
}

impl From<ExecutorStatus> for SandboxState {
    fn from(status: ExecutorStatus) -> Self {
        match status {
            ExecutorStatus::Pending => Self::Pending,
            ExecutorStatus::Connected => Self::Connected,
            ExecutorStatus::Disconnected => Self::Disconnected,
        }
    }
}
