//! What entries say of input and turns.

use std::sync::Arc;

use mainstay_protocol::{ApprovalId, CallId, EffectId, ErrorCode, TurnId, Usage};
use serde::{Deserialize, Serialize};

use crate::item::Item;
use crate::question::Question;

/// What input does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// It starts a turn now.
    Starts,
    /// It joins the active turn before its next step.
    Steers,
    /// It is a turn of its own, behind the active one.
    Queues,
}

/// See [`super::Fact::InputReceived`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputReceived {
    /// The turn it starts, steers or queues.
    pub turn: TurnId,
    /// Which of these.
    pub disposition: Disposition,
    /// Who sent it; a turn acts for whoever started it.
    pub principal: Arc<str>,
    /// The messages.
    pub items: Vec<Item>,
}

/// See [`super::Fact::TurnStarted`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnStarted {
    /// The turn.
    pub turn: TurnId,
    /// When its input came.
    pub created_at_ms: u64,
}

/// See [`super::Fact::TurnWaiting`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnWaiting {
    /// The turn.
    pub turn: TurnId,
    /// What it waits for.
    pub required: Vec<RequiredAction>,
}

/// Something that the client or a person must bring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum RequiredAction {
    /// The result of a tool call that the client runs.
    ToolResult {
        /// The call.
        call_id: CallId,
        /// The tool.
        name: String,
        /// JSON text.
        arguments: String,
    },
    /// An answer to a question.
    Approval {
        /// The question.
        approval: ApprovalId,
        /// Whether the question is what became of a call, rather than whether to make it.
        unknown_outcome: bool,
        /// The effect it is about.
        effect: EffectId,
        /// The call.
        call_id: CallId,
        /// Label of the tool's source.
        source: String,
        /// The tool.
        name: String,
        /// JSON text.
        arguments: String,
        /// SHA-256 of the canonical arguments: the answer is bound to it.
        arguments_sha256: String,
        /// When the question lapses.
        expires_at_ms: u64,
    },
    /// An answer to a question of a tool's server.
    Question {
        /// The question.
        approval: ApprovalId,
        /// The effect it is about.
        effect: EffectId,
        /// The call; none when the server was only asked for its tools.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call_id: Option<CallId>,
        /// The tool.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// JSON text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        arguments: Option<String>,
        /// What is asked.
        question: Question,
        /// When the question lapses.
        expires_at_ms: u64,
    },
}

/// See [`super::Fact::TurnResumed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnResumed {
    /// The turn.
    pub turn: TurnId,
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum TurnEnd {
    /// The agent rests.
    Completed,
    /// It could not go on.
    Failed {
        /// Why.
        code: ErrorCode,
        /// What happened.
        message: String,
    },
    /// Somebody cancelled it.
    Cancelled,
}

/// See [`super::Fact::TurnEnded`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnEnded {
    /// The turn.
    pub turn: TurnId,
    /// When its input came.
    pub created_at_ms: u64,
    /// When it began.
    pub started_at_ms: u64,
    /// How it ended.
    pub end: TurnEnd,
    /// What it cost.
    pub usage: Usage,
    /// Whether the session's spend limit is reached with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub budget_reached: bool,
}
