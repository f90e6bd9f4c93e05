//! What entries say of effects, approvals and refused calls.

use mainstay_protocol::{ApprovalId, EffectId};
use serde::{Deserialize, Serialize};

use crate::effect::{Awaits, EffectFailure, EffectRequest, Outcome, UnknownNext};
use crate::item::Item;
use crate::policy::PolicyDecision;
use crate::question::{Inquiry, Reply};
use crate::tool::Safety;

/// See [`super::Fact::EffectRequested`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EffectRequested {
    /// The effect.
    pub effect: EffectId,
    /// What is asked.
    pub request: EffectRequest,
    /// The ledger's class.
    pub safety: Safety,
    /// What policy said; tool calls have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<PolicyDecision>,
    /// What it waits for.
    pub awaits: Awaits,
    /// The question, when it awaits an approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
    /// When the question lapses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<u64>,
}

/// See [`super::Fact::EffectAttempted`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EffectAttempted {
    /// The effect.
    pub effect: EffectId,
    /// From 1.
    pub attempt: u32,
}

/// See [`super::Fact::EffectCompleted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EffectCompleted {
    /// The effect.
    pub effect: EffectId,
    /// The attempt that brought it.
    pub attempt: u32,
    /// What it was.
    pub outcome: Outcome,
}

/// See [`super::Fact::EffectFailed`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EffectFailed {
    /// The effect.
    pub effect: EffectId,
    /// The attempt.
    pub attempt: u32,
    /// Why.
    pub failure: EffectFailure,
    /// When the next attempt begins; none when this was the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at_ms: Option<u64>,
    /// What the model reads, when a tool call failed for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<Item>,
    /// What a person is asked: the next attempt follows the answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks: Option<Box<QuestionAsked>>,
}

/// Questions that an attempt ended with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuestionAsked {
    /// The question that is asked now: the first.
    pub approval: ApprovalId,
    /// All of them; each is asked when the one before is answered.
    pub inquiry: Inquiry,
    /// When the question lapses.
    pub expires_at_ms: u64,
}

/// See [`super::Fact::EffectParked`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EffectParked {
    /// The effect.
    pub effect: EffectId,
    /// The attempt that found nothing to tell.
    pub attempt: u32,
    /// When it ends all the same.
    pub until_ms: u64,
}

/// See [`super::Fact::EffectUnknown`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EffectUnknown {
    /// The effect.
    pub effect: EffectId,
    /// The attempt.
    pub attempt: u32,
    /// Why its outcome is not known.
    pub reason: String,
    /// What is done about it.
    pub next: UnknownNext,
}

/// What a person answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The call may be made.
    Approve,
    /// The call may not be made.
    Deny,
    /// The call was done.
    Done,
    /// The call was not done, and shall not be.
    NotDone,
    /// The call shall be attempted again.
    Retry,
    /// Nobody answered in time.
    Lapsed,
}

/// See [`super::Fact::ApprovalResolved`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalResolved {
    /// The question.
    pub approval: ApprovalId,
    /// The effect it was about.
    pub effect: EffectId,
    /// The answer.
    pub answer: Answer,
    /// What the model reads, when the answer settles the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<Item>,
    /// The answer to a question of a tool's server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Reply>,
    /// The question that is asked next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<NextQuestion>,
}

/// The next of several questions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextQuestion {
    /// The question.
    pub approval: ApprovalId,
    /// When it lapses.
    pub expires_at_ms: u64,
}

/// See [`super::Fact::CallRefused`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallRefused {
    /// Why.
    pub reason: RefusalReason,
    /// The policy that denied it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// What the model reads: a `ToolOutput` item.
    pub item: Item,
}

/// Why a tool call of the model does not become an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// No such tool.
    UnknownTool,
    /// The arguments are not JSON or do not fit the schema.
    InvalidArguments,
    /// Policy denied it.
    Denied,
    /// More calls in one step than the limit.
    TooMany,
}
