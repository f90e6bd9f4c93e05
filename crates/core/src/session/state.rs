//! The fold of a session's journal.
//!
//! Invariant: cloning it costs the same however long the session is: what grows is behind a shared
//! pointer ([`Transcript`]) or bounded by a limit.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use mainstay_protocol::{
    ApprovalId, CallId, EffectId, ErrorCode, Hash, JournalId, Seq, SessionId, TenantId, TurnId,
    Usage,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Transcript;
use crate::agent::AgentDefinition;
use crate::effect::EffectRequest;
use crate::fact::RequiredAction;
use crate::item::{Item, ItemBody};
use crate::tool::{Safety, ToolSpec};

/// Where a session stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// It rests.
    #[default]
    Idle,
    /// A turn is in progress.
    InProgress,
    /// The turn waits for the client or a person.
    RequiresAction,
    /// Its spend limit is reached.
    BudgetReached,
    /// It cannot go on.
    Failed,
}

/// Where a turn stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnStatus {
    /// Behind another turn.
    Queued,
    /// Running.
    InProgress,
    /// For the client or a person.
    Waiting,
    /// The agent rests.
    Completed,
    /// It could not go on.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
}

/// What a session was created with, as changed since.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionConfig {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The agent.
    pub agent: Arc<AgentDefinition>,
    /// The client's own pairs.
    pub metadata: BTreeMap<String, String>,
    /// Spend ceiling.
    pub spend_limit_microusd: Option<u64>,
    /// The wire API's settings.
    pub wire: Value,
    /// When it was created.
    pub created_at_ms: u64,
}

impl SessionConfig {
    /// Whether the client runs this tool.
    #[must_use]
    pub fn is_client_tool(&self, spec: &ToolSpec) -> bool {
        self.agent.tools.get(spec.source).is_some_and(|source| source.label().is_none())
    }
}

/// The fold.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionState {
    /// Its journal.
    pub journal: JournalId,
    /// The last entry's position; 0 before the first.
    pub seq: Seq,
    /// The last entry's hash.
    pub hash: Hash,
    /// What it was created with; none before the first entry.
    pub config: Option<Arc<SessionConfig>>,
    /// Where it stands.
    pub status: SessionStatus,
    /// Whether it was deleted.
    pub is_deleted: bool,
    /// Why it failed.
    pub failure: Option<(ErrorCode, String)>,
    /// When something last happened.
    pub last_active_at_ms: u64,
    /// What all its turns cost.
    pub usage: Usage,
    /// What the model has seen and said since the last compaction.
    pub transcript: Transcript,
    /// The tools on offer, and when they were learnt; none when they must be learnt first.
    pub tools: Option<(Arc<[ToolSpec]>, u64)>,
    /// The active turn.
    pub turn: Option<Turn>,
    /// The turns behind it.
    pub queue: VecDeque<QueuedTurn>,
    /// Effects without an outcome.
    pub effects: BTreeMap<EffectId, OpenEffect>,
    /// The last client calls that were answered, to tell a late answer from a wrong one.
    pub answered: VecDeque<CallId>,
}

/// The active turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Its id.
    pub id: TurnId,
    /// When its input came.
    pub created_at_ms: u64,
    /// When it began.
    pub started_at_ms: u64,
    /// The entry that brought its input or started it.
    pub first_seq: Seq,
    /// In progress or waiting.
    pub status: TurnStatus,
    /// Since when it waits.
    pub waiting_since_ms: Option<u64>,
    /// How long it has waited before.
    pub waited_ms: u64,
    /// Model calls so far.
    pub steps: u32,
    /// Tool calls so far.
    pub tool_calls: u32,
    /// What it cost so far.
    pub usage: Usage,
    /// Outputs so far, for `output_index`.
    pub output_count: u32,
    /// Input that joins before the next step.
    pub pending_input: Vec<Arc<Item>>,
    /// Position in the agent's route.
    pub candidate: usize,
    /// Whether the model has said all it had to say.
    pub is_settled: bool,
    /// Whether the context was compacted since the last model answer.
    pub is_compacted: bool,
    /// Why it must fail, once its open effects are closed.
    pub failing: Option<(ErrorCode, String)>,
}

/// A turn behind the active one.
#[derive(Debug, Clone, PartialEq)]
pub struct QueuedTurn {
    /// Its id.
    pub id: TurnId,
    /// When its input came.
    pub created_at_ms: u64,
    /// Its input.
    pub items: Vec<Arc<Item>>,
}

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
    /// Where it stands.
    pub phase: EffectPhase,
    /// The tool call, for tool effects.
    pub call: Option<OpenCall>,
    /// Reconcile calls made so far.
    pub reconcile_count: u32,
}

/// A tool call without an outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenCall {
    /// The call's item.
    pub item: Arc<Item>,
    /// The tool.
    pub spec: Arc<ToolSpec>,
    /// The arguments.
    pub arguments: Arc<Value>,
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
            Self::Running | Self::RetryAt(_) | Self::Reconciling | Self::ReconcileAt(_) => false,
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
            Self::Running | Self::AwaitsClient | Self::Reconciling => None,
        }
    }
}

impl SessionState {
    /// A journal without entries.
    #[must_use]
    pub fn new(journal: JournalId) -> Self {
        Self {
            journal,
            seq: 0,
            hash: Hash::ZERO,
            config: None,
            status: SessionStatus::Idle,
            is_deleted: false,
            failure: None,
            last_active_at_ms: 0,
            usage: Usage::default(),
            transcript: Transcript::default(),
            tools: None,
            turn: None,
            queue: VecDeque::new(),
            effects: BTreeMap::new(),
            answered: VecDeque::new(),
        }
    }

    /// Its settings; only a journal without entries has none.
    #[must_use]
    pub fn config(&self) -> &Arc<SessionConfig> {
        self.config.as_ref().expect("the first entry of a session's journal creates it")
    }

    /// The tools on offer, none before they are learnt.
    #[must_use]
    pub fn tools(&self) -> Arc<[ToolSpec]> {
        self.tools.as_ref().map_or_else(|| Arc::from([]), |(tools, _)| tools.clone())
    }

    /// Whether anything is to be done or waited for.
    #[must_use]
    pub fn is_resting(&self) -> bool {
        self.turn.is_none()
    }

    /// When time alone moves the session next.
    #[must_use]
    pub fn due_at_ms(&self) -> Option<u64> {
        let effects = self.effects.values().filter_map(|effect| effect.phase.due_at_ms()).min();
        match (effects, self.wall_deadline_ms()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// When the active turn's wall time ends; it stands still while the turn waits.
    #[must_use]
    pub fn wall_deadline_ms(&self) -> Option<u64> {
        let turn = self.turn.as_ref().filter(|turn| turn.status == TurnStatus::InProgress)?;
        let limit = self.config().agent.limits.max_wall_ms;
        Some(turn.started_at_ms.saturating_add(turn.waited_ms).saturating_add(limit))
    }

    /// What the client or a person must bring.
    #[must_use]
    pub fn required_actions(&self) -> Vec<RequiredAction> {
        self.effects.iter().filter_map(|(id, effect)| effect.required_action(id)).collect()
    }
}

impl OpenEffect {
    fn required_action(&self, id: &EffectId) -> Option<RequiredAction> {
        let call = self.call.as_ref()?;
        let ItemBody::ToolCall { call_id, name, arguments, source } = &call.item.body else {
            return None;
        };
        let (approval, expires_at_ms, unknown_outcome) = match &self.phase {
            EffectPhase::AwaitsClient => {
                return Some(RequiredAction::ToolResult {
                    call_id: call_id.clone(),
                    name: name.clone(),
                    arguments: arguments.clone(),
                });
            }
            EffectPhase::AwaitsApproval { approval, expires_at_ms } => {
                (approval, *expires_at_ms, false)
            }
            EffectPhase::Unknown { approval, expires_at_ms } => (approval, *expires_at_ms, true),
            EffectPhase::Running
            | EffectPhase::RetryAt(_)
            | EffectPhase::Reconciling
            | EffectPhase::ReconcileAt(_) => return None,
        };
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
