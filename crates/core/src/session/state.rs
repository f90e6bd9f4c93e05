//! The fold of a session's journal.
//!
//! Invariant: cloning it costs the same however long the session is: what grows is behind a shared
//! pointer ([`Transcript`]) or bounded by a limit.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use mainstay_protocol::{
    CallId, EffectId, ErrorCode, Hash, JournalId, ResponseId, Seq, SessionId, TurnId, Usage,
};
use serde::{Deserialize, Serialize};

use super::config::{Offer, SessionConfig};
use super::open_effect::{EffectPhase, OpenEffect};
use super::transcript::Transcript;
use super::workspace::WorkspaceState;
use crate::fact::{RequiredAction, TurnEnd};
use crate::item::Item;
use crate::tool::ToolSpec;

/// How long a turn waits for the client or a person before its machine is saved.
const WAITING_CHECKPOINT_MS: u64 = 10_000;

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
    /// The response that the session's end belongs to; none when something else came after it.
    pub response: Option<LastResponse>,
    /// What is known of its machine.
    pub workspace: WorkspaceState,
    /// What each of its subagents has cost so far.
    pub subagents: BTreeMap<SessionId, Usage>,
    /// When it was closed, if it is a subagent that takes no input.
    pub closed_at_ms: Option<u64>,
    /// How its last turn ended.
    pub last_end: Option<TurnEnd>,
}

/// The newest response of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastResponse {
    /// Its id.
    pub id: ResponseId,
    /// The response that it follows.
    pub previous: Option<ResponseId>,
    /// The entry that requested it.
    pub first_seq: Seq,
    /// When it was requested.
    pub created_at_ms: u64,
    /// Whether the session still works on it.
    pub is_open: bool,
}

/// The active turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Its id.
    pub id: TurnId,
    /// Who caused it: policy and tools are asked on this principal's behalf.
    pub principal: Arc<str>,
    /// When its input came.
    pub created_at_ms: u64,
    /// When it began.
    pub started_at_ms: u64,
    /// The entry that brought its input.
    pub first_seq: Seq,
    /// In progress or waiting.
    pub status: TurnStatus,
    /// Since when it waits, for the client, a person or subagents.
    pub waiting_since_ms: Option<u64>,
    /// How long it has waited before.
    pub waited_ms: u64,
    /// Model calls so far.
    pub steps: u32,
    /// The step for which the agent's choice of tools holds.
    pub choice_step: u32,
    /// Tool calls so far.
    pub tool_calls: u32,
    /// What it cost so far.
    pub usage: Usage,
    /// Outputs so far, for `output_index`.
    pub output_count: u32,
    /// Input that joins before the next step.
    pub pending_input: Vec<Arc<Item>>,
    /// What the model was offered in the current step; none before the first.
    pub offer: Option<Offer>,
    /// Position in the agent's route. It only grows within a turn, unless the agent is changed: a
    /// model that failed is not waited for again in every step.
    pub candidate: usize,
    /// Whether the model has said all it had to say.
    pub is_settled: bool,
    /// Whether the context was compacted since the last model answer.
    pub is_compacted: bool,
    /// Why it must fail, once its open effects are closed.
    pub failing: Option<(ErrorCode, String)>,
}

impl Turn {
    /// Whether the model has said all and nobody said more.
    #[must_use]
    pub fn has_said_all(&self) -> bool {
        self.is_settled && self.pending_input.is_empty()
    }
}

/// A turn behind the active one.
#[derive(Debug, Clone, PartialEq)]
pub struct QueuedTurn {
    /// Its id.
    pub id: TurnId,
    /// Who caused it.
    pub principal: Arc<str>,
    /// The entry that brought its input.
    pub seq: Seq,
    /// When its input came.
    pub created_at_ms: u64,
    /// Its input.
    pub items: Vec<Arc<Item>>,
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
            response: None,
            workspace: WorkspaceState::default(),
            subagents: BTreeMap::new(),
            closed_at_ms: None,
            last_end: None,
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

    /// Whether no turn is active.
    #[must_use]
    pub fn is_resting(&self) -> bool {
        self.turn.is_none()
    }

    /// Whether nothing here moves before a client, a person, a subagent or a timer does.
    #[must_use]
    pub fn is_still(&self) -> bool {
        let is_waiting = self.effects.values().all(|effect| effect.phase.is_still());
        is_waiting && (self.turn.is_none() || !self.effects.is_empty())
    }

    /// Whether the session's machine has something that is to be saved.
    #[must_use]
    pub fn needs_checkpoint(&self) -> bool {
        let sandbox = self.config.as_ref().and_then(|config| config.sandbox.as_ref());
        // A client's own machine keeps its files itself.
        let is_kept_here = sandbox.is_some_and(|sandbox| sandbox.spec.executor.is_none());
        is_kept_here && !self.is_deleted && self.workspace.needs_checkpoint()
    }

    /// Whether the session's machine is being saved.
    #[must_use]
    pub fn is_checkpointing(&self) -> bool {
        self.effects.values().any(OpenEffect::is_checkpoint)
    }

    /// When a turn that waits is to be saved: not at once, as clients mostly answer at once.
    fn checkpoint_due_at_ms(&self) -> Option<u64> {
        let since = self.turn.as_ref()?.waiting_since_ms?;
        let is_due = self.needs_checkpoint() && !self.is_checkpointing();
        is_due.then(|| since.saturating_add(WAITING_CHECKPOINT_MS))
    }

    /// Whether a turn that waits is to be saved now.
    pub(super) fn is_checkpoint_due(&self, now_ms: u64) -> bool {
        self.checkpoint_due_at_ms().is_some_and(|due_at_ms| due_at_ms <= now_ms)
    }

    /// When time alone moves the session next.
    #[must_use]
    pub fn due_at_ms(&self) -> Option<u64> {
        let effects = self.effects.values().filter_map(|effect| effect.phase.due_at_ms()).min();
        let times = [effects, self.wall_deadline_ms(), self.checkpoint_due_at_ms()];
        times.into_iter().flatten().min()
    }

    /// When the active turn's wall time ends; it stands still while the turn waits, and nothing but
    /// its checkpoint follows for one that has said all.
    #[must_use]
    pub fn wall_deadline_ms(&self) -> Option<u64> {
        let turn = self.turn.as_ref().filter(|turn| turn.waiting_since_ms.is_none())?;
        if self.is_checkpointing() && (turn.failing.is_some() || turn.has_said_all()) {
            return None;
        }
        let limit = self.config().agent.limits.max_wall_ms;
        Some(turn.started_at_ms.saturating_add(turn.waited_ms).saturating_add(limit))
    }

    /// The effects that only the client or a person can move.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (&EffectId, &EffectPhase)> {
        let phases = self.effects.iter().map(|(id, effect)| (id, &effect.phase));
        phases.filter(|(_, phase)| phase.is_waiting())
    }

    /// The effects without an outcome, in the order in which they were asked for.
    pub(super) fn open_effects(&self) -> Vec<(&EffectId, &OpenEffect)> {
        let mut open: Vec<_> = self.effects.iter().collect();
        open.sort_unstable_by_key(|(_, effect)| effect.seq);
        open
    }

    /// What the client or a person must bring, in the order in which it was asked for.
    #[must_use]
    pub fn required_actions(&self) -> Vec<RequiredAction> {
        let open = self.open_effects().into_iter();
        open.filter_map(|(id, effect)| effect.required_action(id)).collect()
    }
}
