//! An automation as clients see it.

use mainstay_core::agent::AgentDefinition;
use mainstay_core::item::Content;
use mainstay_core::resource::{
    AUTOMATION_KIND, AutomationBody, AutomationSchedule, AutomationTarget, ResourceRow,
};
use mainstay_protocol::ApiError;
use serde_json::{Value, json};

use crate::openai::agents::definition::show_session_agent;
use crate::openai::resource::{body_of, seconds};
use crate::openapi::shape;

/// The kind of the resource, and what its refusals call it.
pub(crate) const AUTOMATION: (&str, &str) = (AUTOMATION_KIND, "automation");

/// An automation as its row has it.
pub(super) fn show_row(row: &ResourceRow) -> Result<Value, ApiError> {
    let body: AutomationBody = body_of(row)?;
    Ok(show(&row.id, row.created_at_ms, &row.status, &body))
}

/// An automation.
pub(crate) fn show(id: &str, created_at_ms: u64, status: &str, body: &AutomationBody) -> Value {
    let mut shown = json!({
        "id": id,
        "object": "agent.automation",
        "created_at": seconds(created_at_ms),
        "created_by": {"type": "developer"},
        "name": body.name,
        "metadata": body.metadata,
        "status": status,
        "pause_reason": body.pause_reason,
        "target": show_target(&body.target),
        "next_run_at": body.next_run_at_ms.map(seconds),
    });
    match &body.schedule {
        AutomationSchedule::Periodic { expression, timezone } => {
            shown["type"] = json!("periodic");
            shown["expression"] = json!(expression);
            shown["timezone"] = json!(timezone);
        }
        AutomationSchedule::Once { run_at_ms } => {
            shown["type"] = json!("once");
            shown["run_at"] = json!(seconds(*run_at_ms));
        }
    }
    shown
}

fn show_target(target: &AutomationTarget) -> Value {
    match target {
        AutomationTarget::NewSession(target) => json!({
            "type": "new_session",
            "agent": target.agent.as_ref().map(show_agent),
            "agent_id": target.agent_id,
            "environment": target.environment.as_ref().map_or_else(
                || json!({"type": "none"}),
                |environment| environment.shown.clone(),
            ),
            "input": target.input.iter().map(|message| show_message(message)).collect::<Vec<_>>(),
            "metadata": target.metadata,
            "vault_ids": target.vault_ids,
        }),
        AutomationTarget::ExistingSession { session_id, instructions } => json!({
            "type": "existing_session",
            "session_id": session_id,
            "instructions": instructions,
        }),
    }
}

/// The agent without the identity that each session gives it anew.
fn show_agent(agent: &AgentDefinition) -> Value {
    let mut shown =
        serde_json::to_value(show_session_agent(agent)).expect("objects have string keys");
    if let Some(members) = shown.as_object_mut() {
        members.remove("id");
        members.remove("name");
    }
    shown
}

fn show_message(message: &[Content]) -> Value {
    let part = |content: &Content| match content {
        Content::Text { text } => json!({"type": "input_text", "text": text}),
        Content::Image { url } => json!({"type": "input_image", "image_url": url}),
    };
    json!({
        "type": "message",
        "role": "user",
        "content": message.iter().map(part).collect::<Vec<_>>(),
    })
}

shape! {
    /// What an agent does at set times.
    Automation = |_| json!({
        "type": "object",
        "required": [
            "id", "object", "type", "created_at", "created_by", "name", "metadata", "status",
            "pause_reason", "target", "next_run_at",
        ],
        "properties": {
            "id": {"type": "string"},
            "object": {"const": "agent.automation"},
            "type": {"enum": ["periodic", "once"]},
            "created_at": {"type": "integer"},
            "created_by": {"type": "object"},
            "name": {"type": "string"},
            "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
            "status": {"type": "string"},
            "pause_reason": {"type": ["string", "null"]},
            "target": {
                "type": "object",
                "required": ["type"],
                "properties": {"type": {"enum": ["new_session", "existing_session"]}},
            },
            "next_run_at": {"type": ["integer", "null"]},
            "expression": {"type": "string"},
            "timezone": {"type": "string"},
            "run_at": {"type": "integer"},
        },
    })
}
