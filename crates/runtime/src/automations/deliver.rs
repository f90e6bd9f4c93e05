//! An invocation becomes a session, or a message to one; then it is recorded that it did.

use std::sync::Arc;

use mainstay_core::item::Content;
use mainstay_core::resource::{
    AUTOMATION_KIND, AUTOMATION_PAUSED, AutomationBody, AutomationTarget, INVOCATION_COMPLETED,
    INVOCATION_FAILED, INVOCATION_KIND, INVOCATION_QUEUED, InvocationBody, NewSessionTarget,
    ResourceRow, automation_task, invoked_session,
};
use mainstay_core::session::{Command, InputMode, SESSIONS};
use mainstay_protocol::{
    ApiError, ErrorCode, Principal, RowChange, RowKey, Scope, SessionId, TaskChange, TaskKey,
    TenantId, sha256_hex,
};

use super::environments::SessionDraft;
use super::tick::shapeless;
use super::{JOURNAL, environments};
use crate::control::{ResourceChange, ResourceWrite};
use crate::due;
use crate::engine::{Engine, Inner, api_error};
use crate::submit::{Idempotency, NewSession, NewSessionId, Submission};

/// How often a delivery is tried before it is given up.
const MAX_ATTEMPTS: u32 = 10;
/// The first wait before another try; it doubles with each further one.
const RETRY_BASE_MS: u64 = 1_000;
/// The longest such wait.
const RETRY_CAP_MS: u64 = 300_000;
/// How long an invocation is listed after it ended.
const RETENTION_MS: u64 = 30 * 24 * 60 * 60 * 1_000;
/// Why an automation is paused whose session takes no more input.
const TARGET_FAILED: &str = "target_session_failed";

pub(super) async fn handle(inner: &Arc<Inner>, task: &TaskKey) -> Result<(), ApiError> {
    let Some((tenant, id)) = task.subject.split_once('/') else { return Ok(()) };
    let Ok(tenant) = TenantId::parse(tenant) else { return Ok(()) };
    let Some(row) = inner.control.resource(&tenant, INVOCATION_KIND, id).await? else {
        let tasks = vec![TaskChange::Delete { key: task.clone() }];
        return due::write(inner, JOURNAL, Vec::new(), tasks).await;
    };
    let automation = row.parent.as_deref().unwrap_or_default();
    if inner.control.resource(&tenant, AUTOMATION_KIND, automation).await?.is_none() {
        let rows = vec![RowChange::Delete(ResourceRow::key(&tenant, INVOCATION_KIND, id))];
        let tasks = vec![TaskChange::Delete { key: task.clone() }];
        return due::write(inner, JOURNAL, rows, tasks).await;
    }
    if row.status.as_ref() != INVOCATION_QUEUED {
        return retire(inner, task, &row).await;
    }
    let body: InvocationBody = row.read().map_err(|error| shapeless(&error))?;
    match deliver(inner, &row, &body).await {
        Ok(session) => finish(inner, row, body, Ok(session)).await,
        Err(error) if error.code.retryable() && body.attempt_count + 1 < MAX_ATTEMPTS => {
            tracing::warn!(invocation = id, %error, "an automation's delivery is tried again");
            again(inner, task, row, body).await
        }
        Err(error) => finish(inner, row, body, Err(error)).await,
    }
}

async fn deliver(
    inner: &Arc<Inner>,
    row: &ResourceRow,
    body: &InvocationBody,
) -> Result<SessionId, ApiError> {
    let caller = Principal {
        tenant: row.tenant.clone(),
        id: row.created_by.clone(),
        scopes: vec![Scope::Use],
    };
    match &body.automation.target {
        AutomationTarget::NewSession(target) => make_session(inner, row, caller, target).await,
        AutomationTarget::ExistingSession { session_id, instructions } => {
            let message = vec![Content::Text { text: instructions.clone() }];
            let input = Command::Input { messages: vec![message], mode: InputMode::Queue };
            // The same key for every try: the session takes the message once.
            let idempotency = Idempotency {
                key: format!("automation:{}", row.id),
                body_sha256: sha256_hex(instructions.as_bytes()),
            };
            let submission =
                Submission { caller, commands: vec![input], idempotency: Some(idempotency) };
            Engine::of(inner).submit(session_id, submission).await?;
            Ok(session_id.clone())
        }
    }
}

/// The session of this invocation, made now or by a try before.
async fn make_session(
    inner: &Arc<Inner>,
    row: &ResourceRow,
    caller: Principal,
    target: &NewSessionTarget,
) -> Result<SessionId, ApiError> {
    let session = invoked_session(&row.tenant, &row.id);
    if exists(inner, &session).await? {
        return Ok(session);
    }
    let agent = match (&target.agent, &target.agent_id) {
        (Some(agent), _) => agent.clone(),
        (None, Some(id)) => {
            let found = inner.control.agent(&row.tenant, id).await?;
            let missing =
                || ApiError::new(ErrorCode::NotFound, format!("agent {id} does not exist"));
            let agent = found.ok_or_else(missing)?;
            if agent.is_deleted {
                let message = format!("agent {id} was deleted");
                return Err(ApiError::new(ErrorCode::AgentDeleted, message));
            }
            agent.definition.as_ref().clone()
        }
        (None, None) => {
            let message = "the automation names no agent";
            return Err(ApiError::new(ErrorCode::NotFound, message));
        }
    };
    let engine = Engine::of(inner);
    let mut draft = SessionDraft { agent, wire: target.wire.clone() };
    let sandbox = match &target.environment {
        Some(environment) => {
            let automation = row.parent.as_deref().unwrap_or_default();
            let kept = environments::opened(&engine, &row.tenant, automation, environment)?;
            Some(engine.environments().equip(&engine, &caller, &kept, &mut draft).await?)
        }
        None => None,
    };
    let new = NewSession {
        caller,
        session: NewSessionId::Named(session.clone()),
        agent: draft.agent,
        metadata: target.metadata.clone(),
        spend_limit_microusd: None,
        sandbox,
        wire: draft.wire,
        input: target.input.clone(),
        commands: Vec::new(),
        idempotency: None,
        parent: None,
    };
    match engine.create_session(new).await {
        Ok(_) => Ok(session),
        Err(error) if error.code == ErrorCode::Conflict && exists(inner, &session).await? => {
            Ok(session)
        }
        Err(error) => Err(error),
    }
}

async fn exists(inner: &Inner, session: &SessionId) -> Result<bool, ApiError> {
    let key = RowKey::new(&SESSIONS, &[session.as_str()]);
    let row = inner.parts.store.row(&key).await.map_err(|error| api_error(&error))?;
    Ok(row.is_some())
}

/// Another try after a wait.
async fn again(
    inner: &Inner,
    task: &TaskKey,
    mut row: ResourceRow,
    mut body: InvocationBody,
) -> Result<(), ApiError> {
    let wait_ms = (RETRY_BASE_MS << body.attempt_count.min(16)).min(RETRY_CAP_MS);
    body.attempt_count += 1;
    row.body = serde_json::to_value(&body).map_err(|error| shapeless(&error))?;
    let due_at_ms = inner.parts.clock.now_ms().saturating_add(wait_ms);
    let tasks = vec![TaskChange::Put { key: task.clone(), due_at_ms }];
    // How often it was tried is no change of the resource: its place in the list stays as it is.
    due::write(inner, JOURNAL, vec![RowChange::Put(row.to_row())], tasks).await
}

/// Records what became of an invocation, and frees the automation for its next time.
async fn finish(
    inner: &Inner,
    row: ResourceRow,
    mut body: InvocationBody,
    outcome: Result<SessionId, ApiError>,
) -> Result<(), ApiError> {
    let failed = outcome.as_ref().err().map(|error| error.code);
    let status = if failed.is_some() { INVOCATION_FAILED } else { INVOCATION_COMPLETED };
    match outcome {
        Ok(session) => body.session_id = Some(session),
        Err(error) => body.error = Some((error.code.to_string(), error.message)),
    }
    body.automation = body.automation.without_secrets();
    let body = serde_json::to_value(&body).map_err(|error| shapeless(&error))?;
    let caller = inner.as_runtime(row.tenant.clone());
    let automation = row.parent.clone().unwrap_or_default();
    let target = (AUTOMATION_KIND, automation.as_str());
    let changed = inner.control.change_resource(&caller, target, None, |found| {
        let mut own = found.row;
        let mut kept: AutomationBody = own.read().map_err(|error| shapeless(&error))?;
        if kept.undelivered.as_deref() == Some(&row.id) {
            kept.undelivered = None;
        }
        let key = automation_task(INVOCATION_KIND, &row.tenant, &row.id);
        let due_at_ms = found.now_ms.saturating_add(RETENTION_MS);
        let mut tasks = vec![TaskChange::Put { key, due_at_ms }];
        if failed == Some(ErrorCode::SessionFailed) {
            own.status = AUTOMATION_PAUSED.into();
            kept.pause_reason = Some(TARGET_FAILED.to_owned());
            kept.next_run_at_ms = None;
            let key = automation_task(AUTOMATION_KIND, &row.tenant, &own.id);
            tasks.push(TaskChange::Delete { key });
        }
        own.body = serde_json::to_value(&kept).map_err(|error| shapeless(&error))?;
        let mut invocation = row.clone();
        invocation.revision += 1;
        invocation.updated_at_ms = found.now_ms;
        invocation.status = status.into();
        invocation.body = body.clone();
        let writes = vec![ResourceWrite::Put(invocation)];
        Ok(Some(ResourceChange { entry: "automation.delivered", row: own, writes, tasks }))
    });
    match changed.await {
        // It was deleted with its invocations; the task finds nothing any more.
        Err(error) if error.code == ErrorCode::NotFound => Ok(()),
        other => other.map(drop),
    }
}

/// An invocation whose time in the list is over.
async fn retire(inner: &Inner, task: &TaskKey, row: &ResourceRow) -> Result<(), ApiError> {
    let caller = inner.as_runtime(row.tenant.clone());
    let keep_until_ms = row.updated_at_ms.saturating_add(RETENTION_MS);
    if inner.parts.clock.now_ms() < keep_until_ms {
        let tasks = vec![TaskChange::Put { key: task.clone(), due_at_ms: keep_until_ms }];
        return due::write(inner, JOURNAL, Vec::new(), tasks).await;
    }
    let tasks = vec![TaskChange::Delete { key: task.clone() }];
    let target = (INVOCATION_KIND, row.id.as_str());
    inner.control.delete_resource(&caller, target, None, tasks).await.map(drop)
}
