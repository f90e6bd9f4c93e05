//! The kinds of entries of a session's journal.
//!
//! Invariant: a kind's name and the shape of a version never change once published: a new shape is
//! a new version with an upcast here, and a frozen fixture under `testdata/entries/`.

use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay_protocol::{
    ApprovalId, CallId, EffectId, Entry, EntryDraft, ErrorCode, SessionId, TenantId, TurnId, Usage,
    canonical_json,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agent::AgentDefinition;
use crate::effect::{Awaits, EffectFailure, EffectRequest, Outcome, UnknownNext};
use crate::item::Item;
use crate::policy::PolicyDecision;
use crate::tool::{Safety, ToolSpec};

/// An entry that this binary cannot read: it stops the session it belongs to.
#[derive(Debug, thiserror::Error)]
pub enum UnknownFact {
    /// Written by a newer binary.
    #[error("entry {seq} of journal {journal} is {kind:?} version {version}, which this version of mainstay does not know")]
    Kind {
        /// Its journal.
        journal: Arc<str>,
        /// Its position.
        seq: u64,
        /// Its kind.
        kind: Arc<str>,
        /// Its version.
        version: u16,
    },
    /// Its payload does not have the shape of its kind and version.
    #[error("entry {seq} of journal {journal} ({kind}) does not have the shape of its kind")]
    Shape {
        /// Its journal.
        journal: Arc<str>,
        /// Its position.
        seq: u64,
        /// Its kind.
        kind: Arc<str>,
        /// What did not fit.
        #[source]
        source: serde_json::Error,
    },
}

macro_rules! facts {
    ($($(#[doc = $doc:literal])+ $name:ident = $kind:literal, $version:literal;)+) => {
        /// One fact of a session.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Fact {$(
            $(#[doc = $doc])+
            $name($name),
        )+}

        impl Fact {
            /// Every kind with the version that this binary writes.
            pub const KINDS: &'static [(&'static str, u16)] = &[$(($kind, $version)),+];

            /// The kind's stable name.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self {$(Self::$name(_) => $kind),+}
            }

            /// The fact as an entry without its place in the chain.
            #[must_use]
            pub fn draft(&self) -> EntryDraft {
                match self {$(
                    Self::$name(payload) => EntryDraft {
                        kind: $kind,
                        version: $version,
                        payload: canonical_json(payload).expect("payloads have string keys"),
                    },
                )+}
            }

            /// Reads an entry.
            pub fn read(entry: &Entry) -> Result<Self, UnknownFact> {
                match (entry.kind.as_ref(), entry.version) {
                    $(($kind, $version) => match serde_json::from_str(entry.payload.get()) {
                        Ok(payload) => Ok(Self::$name(payload)),
                        Err(source) => Err(UnknownFact::Shape {
                            journal: entry.journal.clone(),
                            seq: entry.seq,
                            kind: entry.kind.clone(),
                            source,
                        }),
                    },)+
                    _ => Err(UnknownFact::Kind {
                        journal: entry.journal.clone(),
                        seq: entry.seq,
                        kind: entry.kind.clone(),
                        version: entry.version,
                    }),
                }
            }
        }
    };
}

facts! {
    /// The session exists.
    SessionCreated = "session.created", 1;
    /// Its settings changed.
    SessionUpdated = "session.updated", 1;
    /// It cannot go on.
    SessionFailed = "session.failed", 1;
    /// It was deleted.
    SessionDeleted = "session.deleted", 1;
    /// Input came, and starts, steers or queues a turn.
    InputReceived = "input.received", 1;
    /// A queued turn begins.
    TurnStarted = "turn.started", 1;
    /// The turn waits for the client or a person.
    TurnWaiting = "turn.waiting", 1;
    /// The turn goes on.
    TurnResumed = "turn.resumed", 1;
    /// The turn ended: completed, failed or cancelled.
    TurnEnded = "turn.ended", 1;
    /// An effect is asked for, with the policy decision.
    EffectRequested = "effect.requested", 1;
    /// An attempt begins (written for `once` effects, and for attempts after a crash).
    EffectAttempted = "effect.attempted", 1;
    /// An effect has its outcome.
    EffectCompleted = "effect.completed", 1;
    /// An attempt failed; another follows, or none.
    EffectFailed = "effect.failed", 1;
    /// An attempt's outcome is not known.
    EffectUnknown = "effect.unknown", 1;
    /// A person answered.
    ApprovalResolved = "approval.resolved", 1;
    /// A tool call of the model that does not become an effect.
    CallRefused = "call.refused", 1;
}

/// See [`Fact::SessionCreated`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionCreated {
    /// Its id, which is also its journal's.
    pub session: SessionId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The agent, as of now.
    pub agent: Arc<AgentDefinition>,
    /// Its tools, when it has no remote sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Arc<[ToolSpec]>>,
    /// The client's own pairs.
    pub metadata: BTreeMap<String, String>,
    /// Spend ceiling, millionths of a US dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spend_limit_microusd: Option<u64>,
    /// What the wire API wants repeated and the runtime does not interpret.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub wire: Value,
}

/// See [`Fact::SessionUpdated`]. Absent members did not change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionUpdated {
    /// The agent from the next step on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Arc<AgentDefinition>>,
    /// The new agent's tools, when it has no remote sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Arc<[ToolSpec]>>,
    /// The client's own pairs, whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, String>>,
    /// The new spend ceiling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spend_limit: Option<SpendLimit>,
    /// The wire API's settings, whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wire: Option<Value>,
}

/// A spend ceiling or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpendLimit {
    /// No ceiling.
    Unlimited,
    /// Millionths of a US dollar.
    Microusd(u64),
}

/// See [`Fact::SessionFailed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionFailed {
    /// What kind of failure.
    pub code: ErrorCode,
    /// What happened.
    pub message: String,
}

/// See [`Fact::SessionDeleted`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionDeleted {}

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

/// See [`Fact::InputReceived`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputReceived {
    /// The turn it starts, steers or queues.
    pub turn: TurnId,
    /// Which of these.
    pub disposition: Disposition,
    /// The messages.
    pub items: Vec<Item>,
}

/// See [`Fact::TurnStarted`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnStarted {
    /// The turn.
    pub turn: TurnId,
    /// When its input came.
    pub created_at_ms: u64,
}

/// See [`Fact::TurnWaiting`].
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
}

/// See [`Fact::TurnResumed`].
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

/// See [`Fact::TurnEnded`].
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

/// See [`Fact::EffectRequested`].
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

/// See [`Fact::EffectAttempted`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EffectAttempted {
    /// The effect.
    pub effect: EffectId,
    /// From 1.
    pub attempt: u32,
}

/// See [`Fact::EffectCompleted`].
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

/// See [`Fact::EffectFailed`].
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
}

/// See [`Fact::EffectUnknown`].
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

/// See [`Fact::ApprovalResolved`].
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
}

/// See [`Fact::CallRefused`].
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
