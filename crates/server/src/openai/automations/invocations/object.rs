//! An invocation as clients see it.

use mainstay_core::resource::{
    AutomationBody, INVOCATION_KIND, INVOCATION_SKIPPED, InvocationBody, ResourceRow,
};
use mainstay_protocol::{ApiError, Principal};
use serde_json::{Value, json};

use crate::error::not_found;
use crate::openai::automations::{AUTOMATION, show};
use crate::openai::resource::{body_of, find, seconds};
use crate::openapi::shape;
use crate::state::AppState;

/// The kind of the resource, and what its refusals call it.
pub(super) const INVOCATION: (&str, &str) = (INVOCATION_KIND, "invocation");

/// An invocation as its row has it.
pub(super) fn show_row(row: &ResourceRow) -> Result<Value, ApiError> {
    let body: InvocationBody = body_of(row)?;
    let automation = row.parent.as_deref().unwrap_or_default();
    let source = match body.scheduled_at_ms {
        None => json!({"type": "manual"}),
        Some(_) => {
            let created_at_ms = body.automation_created_at_ms;
            let status = body.automation_status.as_str();
            let snapshot = show(automation, created_at_ms, status, &body.automation);
            json!({"type": "automation", "automation": snapshot})
        }
    };
    let is_skipped = row.status.as_ref() == INVOCATION_SKIPPED;
    Ok(json!({
        "id": row.id,
        "object": "agent.automation.invocation",
        "automation_id": automation,
        "created_at": seconds(row.created_at_ms),
        "scheduled_at": body.scheduled_at_ms.map(seconds),
        "status": row.status,
        "session_id": body.session_id,
        "error": body.error.map(|(code, message)| json!({"code": code, "message": message})),
        "skip_reason": is_skipped.then_some("pending_delivery"),
        "source": source,
    }))
}

/// What a new invocation keeps of its automation.
pub(super) fn new_body(automation: &ResourceRow) -> Result<InvocationBody, ApiError> {
    let body: AutomationBody = body_of(automation)?;
    Ok(InvocationBody {
        automation: body,
        automation_status: automation.status.to_string(),
        automation_created_at_ms: automation.created_at_ms,
        scheduled_at_ms: None,
        session_id: None,
        error: None,
        attempt_count: 0,
    })
}

/// The caller's invocation of these ids.
pub(super) async fn find_in(
    state: &AppState,
    caller: &Principal,
    automation: &str,
    id: &str,
) -> Result<ResourceRow, ApiError> {
    find(state, caller, AUTOMATION, automation).await?;
    let row = find(state, caller, INVOCATION, id).await?;
    let is_its = row.parent.as_deref() == Some(automation);
    if is_its { Ok(row) } else { Err(not_found("invocation", id)) }
}

shape! {
    /// One time that an automation ran.
    Invocation = |_| json!({
        "type": "object",
        "required": [
            "id", "object", "automation_id", "created_at", "scheduled_at", "status", "session_id",
            "error", "skip_reason", "source",
        ],
        "properties": {
            "id": {"type": "string"},
            "object": {"const": "agent.automation.invocation"},
            "automation_id": {"type": "string"},
            "created_at": {"type": "integer"},
            "scheduled_at": {"type": ["integer", "null"]},
            "status": {"type": "string"},
            "session_id": {"type": ["string", "null"]},
            "error": {
                "type": ["object", "null"],
                "required": ["code", "message"],
                "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
            },
            "skip_reason": {"type": ["string", "null"]},
            "source": {
                "type": "object",
                "required": ["type"],
                "properties": {"type": {"enum": ["manual", "automation"]}},
            },
        },
    })
}
