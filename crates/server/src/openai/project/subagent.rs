//! Subagents as clients read them.
//!
//! Invariant: a subagent is called by the id of its session, the agent at the top by its own; what a
//! call says of a subagent is the call's arguments, so that it is shown before it is made.

use mainstay_core::session::SessionRow;
use mainstay_core::subagent::{
    CLOSE_SUBAGENT, CREATE_SUBAGENT, INTERRUPT_SUBAGENT, RESUME_SUBAGENT, SEND_SUBAGENT_INPUT,
    SubagentChange, SubagentEvent as Event, SubagentRow, WAIT_FOR_SUBAGENTS,
};
use serde_json::Value;

use super::call::CallView;
use super::item::arguments_value;
use super::seconds;
use crate::openai::wire::{
    AgentContent, CallStatus, CreateSubagentCallItem, EventBody, Item, SendSubagentInputCallItem,
    Subagent, SubagentCallItem, SubagentEvent, SubagentStatus, WaitForSubagentsCallItem,
};

/// What the agent of a session is called among agents.
pub(crate) fn among_agents(row: &SessionRow) -> String {
    if row.parent.is_some() { row.id.to_string() } else { row.agent.to_string() }
}

/// A subagent from its row.
pub(crate) fn show_subagent(row: &SubagentRow) -> Subagent {
    Subagent {
        id: row.id.to_string(),
        session_id: row.parent.root.to_string(),
        parent_agent_id: row.parent.agent.clone(),
        name: row.parent.name.clone(),
        instructions: Some(content(&row.parent.task)),
        status: status(row.closed_at_ms),
        opened_at: seconds(row.opened_at_ms),
        closed_at: row.closed_at_ms.map(seconds),
    }
}

/// The event of a call that changed what subagents there are.
pub(super) fn subagent_changed(change: &SubagentChange) -> EventBody {
    let subagent = Subagent {
        id: change.subagent.to_string(),
        session_id: change.root.to_string(),
        parent_agent_id: change.parent_agent.clone(),
        name: change.name.clone(),
        instructions: Some(content(&change.task)),
        status: status(change.closed_at_ms),
        opened_at: seconds(change.opened_at_ms),
        closed_at: change.closed_at_ms.map(seconds),
    };
    let event = SubagentEvent { subagent };
    match change.event {
        Event::Created => EventBody::SubagentCreated(event),
        Event::Resumed => EventBody::SubagentActive(event),
        Event::Closed => EventBody::SubagentClosed(event),
    }
}

fn status(closed_at_ms: Option<u64>) -> SubagentStatus {
    if closed_at_ms.is_some() { SubagentStatus::Closed } else { SubagentStatus::Active }
}

fn content(text: &str) -> Vec<AgentContent> {
    vec![AgentContent::OutputText { text: text.to_owned() }]
}

/// A call about subagents; none for a tool of another name.
pub(super) fn call(agent: &str, call: &CallView, status: CallStatus) -> Option<Item> {
    let arguments = arguments_value(&call.arguments);
    let text = |member: &str| arguments[member].as_str().map(str::to_owned);
    let told = |member: &str| content(&text(member).unwrap_or_default());
    let (id, turn_id) = (call.item_id.to_string(), call.turn.to_string());
    let sender_agent_id = agent.to_owned();
    let recipient_agent_id = text("subagent_id").unwrap_or_default();
    Some(match call.name.as_str() {
        CREATE_SUBAGENT => Item::CreateSubagentCall(CreateSubagentCallItem {
            id,
            turn_id,
            agent_id: sender_agent_id,
            content: told("task"),
            model: text("model"),
            reasoning_effort: text("reasoning_effort"),
            status,
        }),
        SEND_SUBAGENT_INPUT => Item::SendSubagentInputCall(SendSubagentInputCallItem {
            id,
            turn_id,
            sender_agent_id,
            recipient_agent_id,
            content: told("message"),
            status,
        }),
        WAIT_FOR_SUBAGENTS => {
            let named = arguments["subagent_ids"].as_array().map_or(&[][..], Vec::as_slice);
            let named = named.iter().filter_map(Value::as_str).map(str::to_owned);
            Item::WaitForSubagentsCall(WaitForSubagentsCallItem {
                id,
                turn_id,
                sender_agent_id,
                recipient_agent_ids: named.collect(),
                status,
            })
        }
        INTERRUPT_SUBAGENT | CLOSE_SUBAGENT | RESUME_SUBAGENT => {
            let item =
                SubagentCallItem { id, turn_id, sender_agent_id, recipient_agent_id, status };
            match call.name.as_str() {
                INTERRUPT_SUBAGENT => Item::InterruptSubagentCall(item),
                CLOSE_SUBAGENT => Item::CloseSubagentCall(item),
                _ => Item::ResumeSubagentCall(item),
            }
        }
        _ => return None,
    })
}
