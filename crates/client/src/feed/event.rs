//! Events, as far as this client looks into them.

use serde::Deserialize;
use serde_json::Value;

use crate::object::{Item, Session, Turn};

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The same at each delivery.
    pub event_id: String,
    /// Its place in the feed; that of the kept event before it when it is not kept itself.
    pub sequence_number: u64,
    /// Whether the server keeps it: one that it does not keep (text as it is written) comes once, if
    /// at all.
    pub is_kept: bool,
    /// What happened.
    pub body: EventBody,
    /// Everything that the server said, what this client does not look at included.
    pub json: Value,
}

/// What every event has.
#[derive(Deserialize)]
struct Head {
    event_id: String,
    sequence_number: u64,
}

impl Event {
    /// Reads an event as the server writes it.
    pub(super) fn read(text: &str, is_kept: bool) -> serde_json::Result<Self> {
        let json: Value = serde_json::from_str(text)?;
        let Head { event_id, sequence_number } = Head::deserialize(&json)?;
        let body = EventBody::deserialize(&json)?;
        Ok(Self { event_id, sequence_number, is_kept, body, json })
    }

    /// Leaves this much of a piece of text.
    pub(super) fn keep_text(&mut self, new: &str) {
        if let EventBody::TextDelta { delta, .. } | EventBody::OutputDelta { delta, .. } =
            &mut self.body
            && delta != new
        {
            new.clone_into(delta);
            self.json["delta"] = new.into();
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type")]
pub enum EventBody {
    /// The session was made.
    #[serde(rename = "agent.session.created")]
    SessionCreated(SessionEvent),
    /// The session rests.
    #[serde(rename = "agent.session.idle")]
    SessionIdle(SessionEvent),
    /// The session runs a turn.
    #[serde(rename = "agent.session.in_progress")]
    SessionInProgress(SessionEvent),
    /// The session waits for a client or a person.
    #[serde(rename = "agent.session.requires_action")]
    SessionRequiresAction(SessionEvent),
    /// The session takes no more input.
    #[serde(rename = "agent.session.failed")]
    SessionFailed(SessionEvent),
    /// The session's spend limit is reached.
    #[serde(rename = "agent.session.budget_reached")]
    SessionBudgetReached(SessionEvent),
    /// A turn was made.
    #[serde(rename = "agent.session.turn.created")]
    TurnCreated(TurnEvent),
    /// A turn runs.
    #[serde(rename = "agent.session.turn.in_progress")]
    TurnInProgress(TurnEvent),
    /// A turn ended with an answer.
    #[serde(rename = "agent.session.turn.completed")]
    TurnCompleted(TurnEvent),
    /// A turn ended with an error.
    #[serde(rename = "agent.session.turn.failed")]
    TurnFailed(TurnEvent),
    /// A turn was cancelled.
    #[serde(rename = "agent.session.turn.cancelled")]
    TurnCancelled(TurnEvent),
    /// An item began.
    #[serde(rename = "agent.session.turn.item.added")]
    ItemAdded(ItemEvent),
    /// An item of the agent ended.
    #[serde(rename = "agent.session.turn.item.done")]
    ItemDone(ItemEvent),
    /// Text was added to a message.
    #[serde(rename = "agent.session.turn.output_text.delta")]
    TextDelta {
        /// The message.
        item_id: String,
        /// The text.
        delta: String,
    },
    /// Text was added to a summary of the model's reasoning.
    #[serde(rename = "agent.session.turn.reasoning_summary_text.delta")]
    ReasoningDelta {
        /// The item.
        item_id: String,
        /// The text.
        delta: String,
    },
    /// A tool call that the server runs printed something.
    #[serde(rename = "agent.output.command_execution_output.delta")]
    OutputDelta {
        /// The call.
        item_id: String,
        /// What it printed.
        delta: String,
    },
    /// A turn or the session failed; comes before the event that says so.
    #[serde(rename = "error")]
    Error {
        /// What happened.
        error: ErrorDetail,
    },
    /// Something that this client does not look at.
    #[serde(other)]
    Other,
}

/// An event about the session.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct SessionEvent {
    /// The session as it was at this event.
    pub session: Session,
}

/// An event about a turn.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TurnEvent {
    /// The turn as it was at this event.
    pub turn: Turn,
}

/// An event about an item.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ItemEvent {
    /// The item.
    pub item: Item,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ErrorDetail {
    /// In words.
    #[serde(default)]
    pub message: String,
    /// The error's code.
    #[serde(default)]
    pub code: Option<String>,
}
