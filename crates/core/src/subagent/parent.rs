//! Where a subagent comes from, and what its parent's journal keeps of it.

use mainstay_protocol::{EffectId, SessionId, TurnId};
use serde::{Deserialize, Serialize};

/// How much of a subagent's first task is kept beside it.
pub const MAX_TASK_PREVIEW_BYTES: usize = 4 * 1024;

/// Which agent made a subagent, and by which effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parent {
    /// The session that made it.
    pub session: SessionId,
    /// The effect that made it.
    pub effect: EffectId,
    /// The turn that asked for it.
    pub turn: TurnId,
    /// The session at the top, which no agent made.
    pub root: SessionId,
    /// How many sessions stand above it, from 1.
    pub depth: u32,
    /// The agent that made it: an agent's id, or that of a subagent.
    pub agent: String,
    /// The name that it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its first task, clipped.
    pub task: String,
}

/// What became of a subagent by a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubagentEvent {
    /// It was made.
    Created,
    /// It takes input again.
    Resumed,
    /// It takes no more input.
    Closed,
}

/// What a call did to a subagent, as the outcome of the call keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubagentChange {
    /// What became of it.
    pub event: SubagentEvent,
    /// Its session.
    pub subagent: SessionId,
    /// The session at the top.
    pub root: SessionId,
    /// The agent that made it.
    pub parent_agent: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its first task, clipped.
    pub task: String,
    /// When it was made.
    pub opened_at_ms: u64,
    /// When it was closed, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at_ms: Option<u64>,
}
