//! A time has come: one commit makes its invocation and sets the next time.

use mainstay_core::resource::{
    AUTOMATION_ACTIVE, AUTOMATION_COMPLETED, AUTOMATION_KIND, AutomationBody, AutomationSchedule,
    INVOCATION_KIND, INVOCATION_QUEUED, INVOCATION_SKIPPED, InvocationBody, ResourceRow,
    automation_task, invocation_id,
};
use mainstay_protocol::{ApiError, ErrorCode, TaskChange, TaskKey, TenantId};

use super::{JOURNAL, next_run_at_ms};
use crate::control::{Found, ResourceChange, ResourceWrite};
use crate::due;
use crate::engine::Inner;

pub(super) async fn handle(inner: &Inner, task: &TaskKey) -> Result<(), ApiError> {
    let Some((tenant, id)) = task.subject.split_once('/') else { return Ok(()) };
    let Ok(tenant) = TenantId::parse(tenant) else { return Ok(()) };
    let found = inner.control.resource(&tenant, AUTOMATION_KIND, id).await?;
    let Some(due_ms) = found.as_ref().and_then(next_time) else {
        let tasks = vec![TaskChange::Delete { key: task.clone() }];
        return due::write(inner, JOURNAL, Vec::new(), tasks).await;
    };
    if due_ms > inner.parts.clock.now_ms() {
        // The task is older than the last change of the automation.
        let tasks = vec![TaskChange::Put { key: task.clone(), due_at_ms: due_ms }];
        return due::write(inner, JOURNAL, Vec::new(), tasks).await;
    }
    // A clock that was set back names a time again that has been.
    let invocation = invocation_id(&tenant, id, due_ms);
    let has_been = inner.control.resource(&tenant, INVOCATION_KIND, &invocation).await?.is_some();
    let caller = inner.as_runtime(tenant);
    let changed = inner.control.change_resource(&caller, (AUTOMATION_KIND, id), None, |found| {
        if next_time(&found.row) != Some(due_ms) || due_ms > found.now_ms {
            return Ok(None);
        }
        decide(found, due_ms, &invocation, has_been).map(Some)
    });
    changed.await?;
    inner.automations.deliveries.wake();
    Ok(())
}

/// When an automation is to run next, if its times come.
fn next_time(row: &ResourceRow) -> Option<u64> {
    if row.status.as_ref() != AUTOMATION_ACTIVE {
        return None;
    }
    row.read::<AutomationBody>().ok()?.next_run_at_ms
}

fn decide(
    found: Found,
    due_ms: u64,
    invocation: &str,
    has_been: bool,
) -> Result<ResourceChange, ApiError> {
    let Found { mut row, now_ms } = found;
    let mut body: AutomationBody = row.read().map_err(|error| shapeless(&error))?;
    let mut tasks = Vec::new();
    let mut writes = Vec::new();
    if !has_been {
        let is_skipped = body.undelivered.is_some();
        let status = if is_skipped { INVOCATION_SKIPPED } else { INVOCATION_QUEUED };
        let new = new_invocation(&row, &body, invocation, Some(due_ms), status, now_ms);
        writes.push(ResourceWrite::Insert(new));
        let key = automation_task(INVOCATION_KIND, &row.tenant, invocation);
        tasks.push(TaskChange::Put { key, due_at_ms: now_ms });
        if !is_skipped {
            body.undelivered = Some(invocation.to_owned());
        }
    }
    body.next_run_at_ms = match &body.schedule {
        AutomationSchedule::Once { .. } => None,
        periodic @ AutomationSchedule::Periodic { .. } => next_run_at_ms(periodic, now_ms).ok(),
    };
    let key = automation_task(AUTOMATION_KIND, &row.tenant, &row.id);
    tasks.push(match body.next_run_at_ms {
        Some(due_at_ms) => TaskChange::Put { key, due_at_ms },
        None => TaskChange::Delete { key },
    });
    if matches!(body.schedule, AutomationSchedule::Once { .. }) {
        row.status = AUTOMATION_COMPLETED.into();
    }
    row.body = serde_json::to_value(&body).map_err(|error| shapeless(&error))?;
    Ok(ResourceChange { entry: "automation.due", row, writes, tasks })
}

/// An invocation of an automation as it is now.
fn new_invocation(
    automation: &ResourceRow,
    body: &AutomationBody,
    id: &str,
    scheduled_at_ms: Option<u64>,
    status: &str,
    now_ms: u64,
) -> ResourceRow {
    let is_over = status == INVOCATION_SKIPPED;
    let automation_then = if is_over { body.clone().without_secrets() } else { body.clone() };
    let body = InvocationBody {
        automation: automation_then,
        automation_status: automation.status.to_string(),
        automation_created_at_ms: automation.created_at_ms,
        scheduled_at_ms,
        session_id: None,
        error: None,
        attempt_count: 0,
    };
    ResourceRow {
        tenant: automation.tenant.clone(),
        kind: INVOCATION_KIND.into(),
        id: id.to_owned(),
        parent: Some(automation.id.clone()),
        revision: 1,
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
        // It acts for whoever made the automation.
        created_by: automation.created_by.clone(),
        status: status.into(),
        body: serde_json::to_value(&body).expect("bodies have string keys"),
    }
}

pub(super) fn shapeless(error: &serde_json::Error) -> ApiError {
    ApiError::new(ErrorCode::JournalCorrupt, format!("an automation has no shape: {error}"))
}
