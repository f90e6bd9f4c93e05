//! Effects without an outcome: what is known of each, and where it stands.
//!
//! Invariant: enough to make the next attempt, or the next question, without reading the journal.

use std::collections::VecDeque;
use std::sync::Arc;

use mainstay_protocol::{ApprovalId, EffectId, Seq, SessionId};
use serde_json::Value;

use super::config::SessionConfig;
use crate::effect::EffectRequest;
use crate::fact::RequiredAction;
use crate::item::{Item, ItemBody};
use crate::port::WorldChange;
use crate::question::{Asked, Replies};
use crate::subagent;
use crate::tool::{Safety, ToolSource, ToolSpec};

/// An effect without an outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenEffect {
    /// What is asked.
    pub request: EffectRequest,
    /// The ledger's class.
    pub safety: Safety,
    /// The entry that asked for it.
    pub seq: Seq,
    /// The current attempt, from 1.
    pub attempt: u32,
    /// Whether an attempt before the current one may have changed the world.
    pub world: WorldChange,
    /// Where it stands.
    pub phase: EffectPhase,
    /// The tool call, for tool effects.
    pub call: Option<OpenCall>,
    /// Reconcile calls made so far.
    pub reconcile_count: u32,
    /// How often the model said that it was too long.
    pub too_long_count: u32,
    /// When a wait for subagents ends at the latest, once it has begun.
    pub until_ms: Option<u64>,
    /// What its server asked of people, and what they answered.
    pub questions: Option<Box<OpenQuestions>>,
}

/// Questions of an effect's attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenQuestions {
    /// What is still to be answered, the one that is asked now first.
    pub left: VecDeque<Asked>,
    /// What further attempts bring.
    pub replies: Arc<Replies>,
    /// How many attempts ended with questions.
    pub rounds_count: u32,
}

/// A tool call without an outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenCall {
    /// The call's item.
    pub item: Arc<Item>,
    /// The settings under which the model was offered the tool.
    pub config: Arc<SessionConfig>,
    /// The tool.
    pub spec: Arc<ToolSpec>,
    /// The arguments.
    pub arguments: Arc<Value>,
}

impl OpenCall {
    /// Whether it is made by the runtime itself.
    pub(super) fn is_subagents(&self) -> bool {
        let source = self.config.source(&self.spec);
        source.is_some_and(|source| matches!(*source, ToolSource::Agents { .. }))
    }

    fn awaits_subagent(&self, subagent: &SessionId) -> bool {
        self.is_subagents() && subagent::awaits(&self.spec, &self.arguments, subagent)
    }
}

/// Where an effect stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EffectPhase {
    /// An attempt is under way.
    Running,
    /// The next attempt begins at this time.
    RetryAt(u64),
    /// The client runs it.
    AwaitsClient,
    /// A person must approve it.
    AwaitsApproval {
        /// The question.
        approval: ApprovalId,
        /// When it lapses.
        expires_at_ms: u64,
    },
    /// The tool is being asked what became of it.
    Reconciling,
    /// The tool is asked again at this time.
    ReconcileAt(u64),
    /// It waits for subagents, until this time at the latest.
    Parked {
        /// The time.
        until_ms: u64,
    },
    /// A person is asked what became of it.
    Unknown {
        /// The question.
        approval: ApprovalId,
        /// When it lapses.
        expires_at_ms: u64,
    },
}

impl EffectPhase {
    /// Whether only the client or a person can move it.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        match self {
            Self::AwaitsClient | Self::AwaitsApproval { .. } | Self::Unknown { .. } => true,
            Self::Running
            | Self::RetryAt(_)
            | Self::Parked { .. }
            | Self::Reconciling
            | Self::ReconcileAt(_) => false,
        }
    }

    /// Whether it waits for subagents.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        matches!(self, Self::Parked { .. })
    }

    /// Whether it needs no process of ours.
    #[must_use]
    pub fn is_still(&self) -> bool {
        self.is_waiting() || self.is_parked()
    }

    /// The question to a person that it waits for: its id, when it lapses, and whether it asks what
    /// became of the call, rather than whether to make it.
    pub(super) fn question(&self) -> Option<(&ApprovalId, u64, bool)> {
        match self {
            Self::AwaitsApproval { approval, expires_at_ms } => {
                Some((approval, *expires_at_ms, false))
            }
            Self::Unknown { approval, expires_at_ms } => Some((approval, *expires_at_ms, true)),
            Self::Running
            | Self::RetryAt(_)
            | Self::AwaitsClient
            | Self::Parked { .. }
            | Self::Reconciling
            | Self::ReconcileAt(_) => None,
        }
    }

    /// When time alone moves it.
    #[must_use]
    pub fn due_at_ms(&self) -> Option<u64> {
        match self {
            Self::RetryAt(at) | Self::ReconcileAt(at) => Some(*at),
            Self::AwaitsApproval { expires_at_ms, .. } | Self::Unknown { expires_at_ms, .. } => {
                Some(*expires_at_ms)
            }
            Self::Parked { until_ms } => Some(*until_ms),
            Self::Running | Self::AwaitsClient | Self::Reconciling => None,
        }
    }
}

impl OpenEffect {
    /// Whether it saves the session's machine.
    pub(super) fn is_checkpoint(&self) -> bool {
        self.request == EffectRequest::Checkpoint
    }

    /// Whether an attempt or a wait of it is to be told that this subagent came to rest.
    pub(super) fn awaits_subagent(&self, subagent: &SessionId) -> bool {
        let is_open = matches!(self.phase, EffectPhase::Running | EffectPhase::Parked { .. });
        is_open && self.call.as_ref().is_some_and(|call| call.awaits_subagent(subagent))
    }

    /// Whether it may change the session's machine.
    pub(super) fn may_change_sandbox(&self) -> bool {
        let uses = |call: &OpenCall| {
            call.config.sandbox.is_some()
                && call.config.source(&call.spec).is_some_and(|source| source.uses_sandbox())
        };
        self.safety != Safety::ReadOnly && self.call.as_ref().is_some_and(uses)
    }

    /// Bound on attempts of a tool call; those that ended with a question do not count.
    pub(super) fn max_attempts(&self) -> u32 {
        let allowed = self.call.as_ref().map_or(1, |call| call.spec.max_attempts);
        allowed + self.rounds_count()
    }

    /// How many attempts ended with questions.
    pub(super) fn rounds_count(&self) -> u32 {
        self.questions.as_ref().map_or(0, |questions| questions.rounds_count)
    }

    /// The question of its server that is asked now.
    pub(super) fn asked(&self) -> Option<&Asked> {
        self.questions.as_ref()?.left.front()
    }

    /// What its next attempt brings.
    pub(super) fn replies(&self) -> Arc<Replies> {
        self.questions.as_ref().map(|questions| questions.replies.clone()).unwrap_or_default()
    }

    pub(super) fn required_action(&self, id: &EffectId) -> Option<RequiredAction> {
        if let Some(asked) = self.asked() {
            return self.question_action(id, asked);
        }
        let call = self.call.as_ref()?;
        let ItemBody::ToolCall { call_id, name, arguments, source } = &call.item.body else {
            return None;
        };
        if self.phase == EffectPhase::AwaitsClient {
            return Some(RequiredAction::ToolResult {
                call_id: call_id.clone(),
                name: name.clone(),
                arguments: arguments.clone(),
            });
        }
        let (approval, expires_at_ms, unknown_outcome) = self.phase.question()?;
        let canonical = mainstay_protocol::canonical_value(&call.arguments);
        Some(RequiredAction::Approval {
            approval: approval.clone(),
            unknown_outcome,
            effect: id.clone(),
            call_id: call_id.clone(),
            source: source.clone().unwrap_or_default(),
            name: name.clone(),
            arguments: arguments.clone(),
            arguments_sha256: mainstay_protocol::sha256_hex(canonical.as_bytes()),
            expires_at_ms,
        })
    }
}

impl OpenEffect {
    fn question_action(&self, id: &EffectId, asked: &Asked) -> Option<RequiredAction> {
        let (approval, expires_at_ms, _) = self.phase.question()?;
        let (call_id, name, arguments) = match self.call.as_ref().map(|call| &call.item.body) {
            Some(ItemBody::ToolCall { call_id, name, arguments, .. }) => {
                (Some(call_id.clone()), Some(name.clone()), Some(arguments.clone()))
            }
            _ => (None, None, None),
        };
        Some(RequiredAction::Question {
            approval: approval.clone(),
            effect: id.clone(),
            call_id,
            name,
            arguments,
            question: asked.question.clone(),
            expires_at_ms,
        })
    }
}

/// A call's arguments as the model wrote them; they must be a JSON object.
pub(super) fn parse_arguments(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("arguments must be a JSON object".to_owned()),
        Err(error) => Err(format!("arguments are not JSON: {error}")),
    }
}
