//! Short ways to make events.
//!
//! Invariant: what an event says twice (a turn's id and the turn, a status and its type) is said
//! once here.

use std::sync::Arc;

use super::content::{OutputText, SummaryText};
use super::error::ErrorObject;
use super::event::{
    BrokenOff, CommandOutputDeltaEvent, ContentPartEvent, ErrorEvent, EventBody, ItemAddedEvent,
    ItemDoneEvent, SessionEvent, SummaryPartAddedEvent, SummaryPartDoneEvent,
    SummaryTextDeltaEvent, SummaryTextDoneEvent, TextDeltaEvent, TextDoneEvent, TurnEndEvent,
    TurnEvent,
};
use super::item::Item;
use super::session::{AgentSession, SessionStatus};
use super::turn::{Turn, TurnStatus};

/// Where in a session an item of the agent stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The session.
    pub session_id: String,
    /// The turn.
    pub turn_id: String,
    /// The item.
    pub item_id: String,
    /// Its place among the agent's items of the turn.
    pub output_index: u32,
}

/// Fills a payload about one item of the agent.
macro_rules! at_place {
    ($place:expr, $name:ident { $($field:ident $(: $value:expr)?),+ $(,)? }) => {
        $name {
            session_id: $place.session_id.clone(),
            turn_id: Some($place.turn_id.clone()),
            item_id: $place.item_id.clone(),
            output_index: $place.output_index,
            $($field $(: $value)?),+
        }
    };
}

impl EventBody {
    /// The session was made.
    #[must_use]
    pub fn session_created(session: Arc<AgentSession>) -> Self {
        Self::SessionCreated(SessionEvent { session })
    }

    /// The session is now as its status says.
    #[must_use]
    pub fn session_changed(session: Arc<AgentSession>) -> Self {
        let status = session.status;
        let payload = SessionEvent { session };
        match status {
            SessionStatus::Idle => Self::SessionIdle(payload),
            SessionStatus::InProgress => Self::SessionInProgress(payload),
            SessionStatus::RequiresAction => Self::SessionRequiresAction(payload),
            SessionStatus::Failed => Self::SessionFailed(payload),
            SessionStatus::BudgetReached => Self::SessionBudgetReached(payload),
        }
    }

    /// A turn was made.
    #[must_use]
    pub fn turn_created(turn: Turn) -> Self {
        Self::TurnCreated(turn_event(turn))
    }

    /// A turn is now as its status says; nothing is said of one that is queued or waiting.
    #[must_use]
    pub fn turn_changed(turn: Turn) -> Option<Self> {
        match turn.status {
            TurnStatus::Queued | TurnStatus::Waiting => None,
            TurnStatus::InProgress => Some(Self::TurnInProgress(turn_event(turn))),
            TurnStatus::Completed => Some(Self::TurnCompleted(turn_end(turn))),
            TurnStatus::Failed => Some(Self::TurnFailed(turn_end(turn))),
            TurnStatus::Cancelled => Some(Self::TurnCancelled(turn_end(turn))),
        }
    }

    /// An item began. What a client sent has no `output_index`.
    pub fn item_added(
        session_id: impl Into<String>,
        item: Item,
        output_index: Option<u32>,
    ) -> Self {
        Self::ItemAdded(ItemAddedEvent {
            session_id: session_id.into(),
            turn_id: Some(item.turn_id().to_owned()),
            output_index,
            item,
        })
    }

    /// An item of the agent ended.
    pub fn item_done(session_id: impl Into<String>, item: Item, output_index: u32) -> Self {
        Self::ItemDone(ItemDoneEvent {
            session_id: session_id.into(),
            turn_id: Some(item.turn_id().to_owned()),
            output_index,
            item,
        })
    }

    /// An empty part of a message began.
    #[must_use]
    pub fn content_part_added(place: &Place, content_index: u32) -> Self {
        let part = OutputText { text: String::new() };
        Self::ContentPartAdded(at_place!(place, ContentPartEvent { content_index, part }))
    }

    /// Text was added to a part of a message.
    pub fn text_delta(place: &Place, content_index: u32, delta: impl Into<String>) -> Self {
        let delta = delta.into();
        Self::OutputTextDelta(at_place!(place, TextDeltaEvent { content_index, delta }))
    }

    /// A command, or other code of a machine, wrote something.
    pub fn command_output_delta(place: &Place, delta: impl Into<String>) -> Self {
        let delta = delta.into();
        Self::CommandOutputDelta(at_place!(place, CommandOutputDeltaEvent { delta }))
    }

    /// The text of a part of a message ended.
    pub fn text_done(place: &Place, content_index: u32, text: impl Into<String>) -> Self {
        let text = text.into();
        Self::OutputTextDone(at_place!(place, TextDoneEvent { content_index, text }))
    }

    /// A part of a message ended.
    pub fn content_part_done(place: &Place, content_index: u32, text: impl Into<String>) -> Self {
        let part = OutputText { text: text.into() };
        Self::ContentPartDone(at_place!(place, ContentPartEvent { content_index, part }))
    }

    /// An empty reasoning summary began.
    #[must_use]
    pub fn summary_part_added(place: &Place, summary_index: u32) -> Self {
        let part = SummaryText { text: String::new() };
        Self::SummaryPartAdded(at_place!(place, SummaryPartAddedEvent { summary_index, part }))
    }

    /// Text was added to a reasoning summary.
    pub fn summary_delta(place: &Place, summary_index: u32, delta: impl Into<String>) -> Self {
        let delta = delta.into();
        Self::SummaryTextDelta(at_place!(place, SummaryTextDeltaEvent { summary_index, delta }))
    }

    /// The text of a reasoning summary ended.
    pub fn summary_text_done(place: &Place, summary_index: u32, text: impl Into<String>) -> Self {
        let text = text.into();
        Self::SummaryTextDone(at_place!(place, SummaryTextDoneEvent { summary_index, text }))
    }

    /// A reasoning summary ended.
    pub fn summary_part_done(
        place: &Place,
        summary_index: u32,
        text: impl Into<String>,
        status: Option<BrokenOff>,
    ) -> Self {
        let part = SummaryText { text: text.into() };
        Self::SummaryPartDone(at_place!(
            place,
            SummaryPartDoneEvent { summary_index, part, status }
        ))
    }

    /// A turn or the session failed.
    pub fn error(session_id: impl Into<String>, error: ErrorObject) -> Self {
        Self::Error(ErrorEvent { session_id: session_id.into(), error })
    }
}

fn turn_event(turn: Turn) -> TurnEvent {
    TurnEvent { session_id: turn.session_id.clone(), turn_id: turn.id.clone(), turn }
}

fn turn_end(turn: Turn) -> TurnEndEvent {
    TurnEndEvent {
        session_id: turn.session_id.clone(),
        turn_id: turn.id.clone(),
        usage: turn.usage,
        turn,
    }
}
