//! The row of a subagent: what its parent waits for and what lists show.
//!
//! Invariant: a pure function of the subagent's own state, written by its own commits alone.

use std::sync::Arc;

use mainstay_protocol::{Row, RowChange, RowKey, RowSpec, SessionId, TenantId, Usage};
use serde::{Deserialize, Serialize};

use super::Parent;
use crate::fact::TurnEnd;
use crate::item::{Item, ItemBody};
use crate::session::{SessionState, SessionStatus, clip, millis_column};

/// How much of a subagent's last message its parent is told.
pub const MAX_RESULT_BYTES: usize = 24 * 1024;

/// Subagents, by id, by the session at the top and age, and by parent and age.
pub const SUBAGENTS: RowSpec = RowSpec {
    name: "subagents",
    key: &["subagent"],
    indexes: &[&["root", "opened"], &["parent", "opened"]],
};

/// How far a subagent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubagentWorkState {
    /// It works.
    Working,
    /// It waits for the client or a person.
    RequiresAction,
    /// It rests.
    Resting,
}

/// How a subagent's last turn ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum SubagentEnd {
    /// It answered.
    Completed,
    /// It could not go on.
    Failed {
        /// Why.
        message: String,
    },
    /// It was interrupted.
    Interrupted,
}

/// A subagent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubagentRow {
    /// Its session.
    pub id: SessionId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Where it comes from.
    pub parent: Arc<Parent>,
    /// How far it is.
    pub work: SubagentWorkState,
    /// When it was made.
    pub opened_at_ms: u64,
    /// When it was closed, if it is.
    pub closed_at_ms: Option<u64>,
    /// When its active turn began.
    pub started_at_ms: Option<u64>,
    /// How its last turn ended, once it rests.
    pub end: Option<SubagentEnd>,
    /// Its last message, clipped, once it rests.
    pub answer: Option<String>,
    /// What it cost.
    pub usage: Usage,
    /// What it may cost.
    pub spend_limit_microusd: Option<u64>,
}

impl SubagentRow {
    /// Whether it works or waits.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.work != SubagentWorkState::Resting
    }
}

/// The row of a session, if it is a subagent.
#[must_use]
pub fn subagent_row(state: &SessionState) -> Option<RowChange> {
    let config = state.config.as_ref()?;
    let parent = config.parent.clone()?;
    let id = config.id.clone();
    if state.is_deleted {
        return Some(RowChange::Delete(RowKey::new(&SUBAGENTS, &[id.as_str()])));
    }
    let is_queued = !state.queue.is_empty() && state.status == SessionStatus::Idle;
    let work = match (&state.turn, state.status) {
        (Some(_), SessionStatus::RequiresAction) => SubagentWorkState::RequiresAction,
        (Some(_), _) => SubagentWorkState::Working,
        (None, _) if is_queued => SubagentWorkState::Working,
        (None, _) => SubagentWorkState::Resting,
    };
    let rests = work == SubagentWorkState::Resting;
    let row = SubagentRow {
        work,
        opened_at_ms: config.created_at_ms,
        closed_at_ms: state.closed_at_ms,
        started_at_ms: state.turn.as_ref().map(|turn| turn.started_at_ms),
        end: state.last_end.as_ref().filter(|_| rests).map(end),
        answer: if rests { answer(state) } else { None },
        usage: state.usage,
        spend_limit_microusd: config.spend_limit_microusd,
        tenant: config.tenant.clone(),
        parent,
        id,
    };
    let opened = millis_column(row.opened_at_ms);
    let columns = [
        ("root", row.parent.root.as_str()),
        ("parent", row.parent.session.as_str()),
        ("opened", opened.as_str()),
    ];
    let key = RowKey::new(&SUBAGENTS, &[row.id.as_str()]);
    Some(RowChange::Put(Row::new(key, &columns, &row)))
}

fn end(end: &TurnEnd) -> SubagentEnd {
    match end {
        TurnEnd::Completed => SubagentEnd::Completed,
        TurnEnd::Failed { message, .. } => SubagentEnd::Failed { message: message.clone() },
        TurnEnd::Cancelled => SubagentEnd::Interrupted,
    }
}

/// What it said last.
fn answer(state: &SessionState) -> Option<String> {
    let is_said = |item: &Item| {
        matches!(item.body, ItemBody::AssistantMessage { .. } | ItemBody::UserMessage { .. })
    };
    let last = state.transcript.find_last(is_said)?;
    match &last.body {
        ItemBody::AssistantMessage { text } => Some(clip(text, MAX_RESULT_BYTES)),
        _ => None,
    }
}
