//! The events of a session's feed, as clients receive them.
//!
//! Invariant: the 34 types that clients know and no other; a repeated delivery of an event has the
//! same `event_id`, by which clients drop it. Deliberately absent: which journal entry makes which
//! event; the door decides.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::content::{OutputText, SummaryText};
use super::environment::EnvironmentState;
use super::error::ErrorObject;
use super::item::Item;
use super::session::AgentSession;
use super::subagent::Subagent;
use super::turn::{TokenUsage, Turn};

/// One event of a session's feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// The event's id, the same at each delivery.
    pub event_id: String,
    /// Extension: the event's place in the feed. One that is not kept has the place of the kept one
    /// before it.
    pub sequence_number: u64,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

macro_rules! event_bodies {
    ($($(#[doc = $doc:literal])+ $variant:ident($payload:ty) = $kind:literal,)+) => {
        /// What happened.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(tag = "type")]
        pub enum EventBody {$(
            $(#[doc = $doc])+
            #[serde(rename = $kind)]
            $variant($payload),
        )+}

        impl EventBody {
            /// Every type of event.
            pub const KINDS: &'static [&'static str] = &[$($kind),+];

            /// The event's type.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self {$(Self::$variant(_) => $kind),+}
            }
        }
    };
}

event_bodies! {
    /// The session was made.
    SessionCreated(SessionEvent) = "agent.session.created",
    /// The session rests.
    SessionIdle(SessionEvent) = "agent.session.idle",
    /// The session runs a turn.
    SessionInProgress(SessionEvent) = "agent.session.in_progress",
    /// The session waits for a client or a person.
    SessionRequiresAction(SessionEvent) = "agent.session.requires_action",
    /// The session takes no more input.
    SessionFailed(SessionEvent) = "agent.session.failed",
    /// The session's spend limit is reached.
    SessionBudgetReached(SessionEvent) = "agent.session.budget_reached",
    /// The environment is being prepared.
    EnvironmentPending(EnvironmentEvent) = "agent.session.environment.pending",
    /// The environment is prepared.
    EnvironmentReady(EnvironmentEvent) = "agent.session.environment.ready",
    /// The environment is in use.
    EnvironmentConnected(EnvironmentEvent) = "agent.session.environment.connected",
    /// The environment is out of reach.
    EnvironmentDisconnected(EnvironmentEvent) = "agent.session.environment.disconnected",
    /// The environment is saved and stopped.
    EnvironmentSuspended(EnvironmentEvent) = "agent.session.environment.suspended",
    /// The environment is gone after too long.
    EnvironmentExpired(EnvironmentEvent) = "agent.session.environment.expired",
    /// The environment could not be prepared.
    EnvironmentFailed(EnvironmentEvent) = "agent.session.environment.failed",
    /// The environment was lost and made anew.
    EnvironmentReset(EnvironmentResetEvent) = "agent.session.environment.reset",
    /// A subagent was made.
    SubagentCreated(SubagentEvent) = "agent.session.subagent.created",
    /// A subagent takes input again.
    SubagentActive(SubagentEvent) = "agent.session.subagent.active",
    /// A subagent was closed.
    SubagentClosed(SubagentEvent) = "agent.session.subagent.closed",
    /// A turn was made.
    TurnCreated(TurnEvent) = "agent.session.turn.created",
    /// A turn runs.
    TurnInProgress(TurnEvent) = "agent.session.turn.in_progress",
    /// A turn ended with an answer.
    TurnCompleted(TurnEndEvent) = "agent.session.turn.completed",
    /// A turn ended with an error.
    TurnFailed(TurnEndEvent) = "agent.session.turn.failed",
    /// A turn was cancelled.
    TurnCancelled(TurnEndEvent) = "agent.session.turn.cancelled",
    /// An item began. A `function_call` is complete here already: clients run it at once.
    ItemAdded(ItemAddedEvent) = "agent.session.turn.item.added",
    /// An item of the agent ended.
    ItemDone(ItemDoneEvent) = "agent.session.turn.item.done",
    /// A part of a message began.
    ContentPartAdded(ContentPartEvent) = "agent.session.turn.content_part.added",
    /// A part of a message ended.
    ContentPartDone(ContentPartEvent) = "agent.session.turn.content_part.done",
    /// Text was added to a part of a message.
    OutputTextDelta(TextDeltaEvent) = "agent.session.turn.output_text.delta",
    /// The text of a part of a message ended.
    OutputTextDone(TextDoneEvent) = "agent.session.turn.output_text.done",
    /// A reasoning summary began.
    SummaryPartAdded(SummaryPartAddedEvent) = "agent.session.turn.reasoning_summary_part.added",
    /// A reasoning summary ended.
    SummaryPartDone(SummaryPartDoneEvent) = "agent.session.turn.reasoning_summary_part.done",
    /// Text was added to a reasoning summary.
    SummaryTextDelta(SummaryTextDeltaEvent) = "agent.session.turn.reasoning_summary_text.delta",
    /// The text of a reasoning summary ended.
    SummaryTextDone(SummaryTextDoneEvent) = "agent.session.turn.reasoning_summary_text.done",
    /// A command wrote something.
    CommandOutputDelta(CommandOutputDeltaEvent) = "agent.output.command_execution_output.delta",
    /// A turn or the session failed; comes before the event that says so.
    Error(ErrorEvent) = "error",
}

/// An event about the session itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionEvent {
    /// The session as it was at this event.
    pub session: Arc<AgentSession>,
}

/// An event about the session's environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentEvent {
    /// The session.
    pub session_id: String,
    /// The turn that needs it.
    pub turn_id: Option<String>,
    /// The environment.
    pub environment: EnvironmentState,
}

/// An environment that was made anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentResetEvent {
    /// The session.
    pub session_id: String,
    /// The turn that needs it.
    pub turn_id: Option<String>,
    /// The environment.
    pub environment_id: String,
    /// How often that has happened.
    pub reset_count: u32,
}

/// An event about a subagent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubagentEvent {
    /// The subagent.
    pub subagent: Subagent,
}

/// An event about a turn that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TurnEvent {
    /// The session.
    pub session_id: String,
    /// The turn's id.
    pub turn_id: String,
    /// The turn as it was at this event.
    pub turn: Turn,
}

/// An event about a turn that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TurnEndEvent {
    /// The session.
    pub session_id: String,
    /// The turn's id.
    pub turn_id: String,
    /// The turn.
    pub turn: Turn,
    /// What it cost.
    pub usage: Option<TokenUsage>,
}

/// An item began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ItemAddedEvent {
    /// The session.
    pub session_id: String,
    /// The turn.
    pub turn_id: Option<String>,
    /// Its place among the agent's items of the turn; null for what a client sent.
    pub output_index: Option<u32>,
    /// The item.
    pub item: Item,
}

/// An item of the agent ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ItemDoneEvent {
    /// The session.
    pub session_id: String,
    /// The turn.
    pub turn_id: Option<String>,
    /// Its place among the agent's items of the turn.
    pub output_index: u32,
    /// The item.
    pub item: Item,
}

/// A payload about one item of the agent, with more members.
macro_rules! item_payloads {
    ($($(#[doc = $doc:literal])+ $name:ident { $($(#[$meta:meta])+ $field:ident: $type:ty,)+ })+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        pub struct $name {
            /// The session.
            pub session_id: String,
            /// The turn.
            pub turn_id: Option<String>,
            /// The item.
            pub item_id: String,
            /// Its place among the agent's items of the turn.
            pub output_index: u32,
            $($(#[$meta])+ pub $field: $type,)+
        }
    )+};
}

item_payloads! {
    /// A part of a message began or ended.
    ContentPartEvent {
        /// The part's place in the message.
        content_index: u32,
        /// The part.
        part: OutputText,
    }
    /// Text was added to a part of a message.
    TextDeltaEvent {
        /// The part's place in the message.
        content_index: u32,
        /// The text added.
        delta: String,
    }
    /// The text of a part of a message ended.
    TextDoneEvent {
        /// The part's place in the message.
        content_index: u32,
        /// The whole text.
        text: String,
    }
    /// A reasoning summary began.
    SummaryPartAddedEvent {
        /// The summary's place in the item.
        summary_index: u32,
        /// The summary.
        part: SummaryText,
    }
    /// A reasoning summary ended.
    SummaryPartDoneEvent {
        /// The summary's place in the item.
        summary_index: u32,
        /// The summary.
        part: SummaryText,
        /// Present if it was broken off.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<BrokenOff>,
    }
    /// Text was added to a reasoning summary.
    SummaryTextDeltaEvent {
        /// The summary's place in the item.
        summary_index: u32,
        /// The text added.
        delta: String,
    }
    /// The text of a reasoning summary ended.
    SummaryTextDoneEvent {
        /// The summary's place in the item.
        summary_index: u32,
        /// The whole text.
        text: String,
    }
    /// A command wrote something.
    CommandOutputDeltaEvent {
        /// The text added.
        delta: String,
    }
}

/// How a reasoning summary ended that did not end well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BrokenOff {
    /// The only way.
    Incomplete,
}

/// A turn or the session failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorEvent {
    /// The session.
    pub session_id: String,
    /// What happened.
    pub error: ErrorObject,
}
