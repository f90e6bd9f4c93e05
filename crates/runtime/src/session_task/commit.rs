//! From decisions to one durable commit, and what is due after it.

use std::sync::Arc;

use mainstay_core::effect::{Dispatch, DispatchKind};
use mainstay_core::fact::Fact;
use mainstay_core::resource::{IDEMPOTENCY, IdempotencyRow};
use mainstay_core::session::{Decision, SessionState};
use mainstay_core::tool::Safety;
use mainstay_protocol::{
    ApiError, EffectId, Entry, ErrorCode, Row, RowChange, RowKey, Seq, SessionId, TaskChange,
    TaskKey,
};
use mainstay_store::{Commit, StoreError};

use super::{Leave, SessionTask};
use crate::dispatch;
use crate::engine::{SESSION_TASK_KIND, api_error};
use crate::registry::Submit;
use crate::sandbox::{collect_task, destroy_task, is_collect_task, operated_task};
use crate::saving::Saving;
use crate::stats::Counters;
use crate::subagents;
use crate::submit::remembered;
use crate::surge::Place;
use crate::webhooks::{self, Outbox};

/// The first wait before a commit is tried again that must not be lost.
const RETRY_BASE_MS: u64 = 50;
/// The longest such wait.
const RETRY_CAP_MS: u64 = 5_000;

/// What the store must know about a session's work, so that it is found after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// Nothing to do.
    None,
    /// A turn is in progress.
    Now,
    /// Something is due then.
    At(u64),
}

impl Work {
    pub(super) fn of(state: &SessionState) -> Self {
        if !state.is_still() {
            return Self::Now;
        }
        state.due_at_ms().map_or(Self::None, Self::At)
    }
}

/// What a session that was not there before needs so that its work is found.
pub(crate) fn due_task(session: &SessionId, state: &SessionState) -> Option<TaskChange> {
    let key = TaskKey { kind: SESSION_TASK_KIND.into(), subject: session.as_str().into() };
    match Work::of(state) {
        Work::None => None,
        Work::Now => Some(TaskChange::Put { key, due_at_ms: state.last_active_at_ms }),
        Work::At(due_at_ms) => Some(TaskChange::Put { key, due_at_ms }),
    }
}

/// Decisions that wait for one commit.
pub(super) struct Pending {
    base: Seq,
    state: Option<SessionState>,
    /// What was decided, each with who caused it.
    facts: Vec<(Arc<str>, Fact)>,
    rows: Vec<RowChange>,
    dispatches: Vec<Dispatch>,
    aborts: Vec<EffectId>,
    frees: Vec<String>,
    replies: Vec<(Box<Submit>, Seq, Seq)>,
    /// Given back once the answers that came with them are on the disk.
    pub(super) places: Vec<Place>,
}

impl Pending {
    pub(super) fn new(state: &SessionState) -> Self {
        Self { base: state.seq, state: Some(state.clone()), ..Self::none() }
    }

    /// Nothing, in the place of what was taken.
    pub(super) fn none() -> Self {
        Self {
            base: 0,
            state: None,
            facts: Vec::new(),
            rows: Vec::new(),
            dispatches: Vec::new(),
            aborts: Vec::new(),
            frees: Vec::new(),
            replies: Vec::new(),
            places: Vec::new(),
        }
    }

    pub(super) fn state(&self) -> &SessionState {
        self.state.as_ref().expect("decisions are added to pending states only")
    }

    pub(super) fn add(
        &mut self,
        decision: Decision,
        principal: &Arc<str>,
        submit: Option<Box<Submit>>,
    ) {
        let first_seq = self.state().seq;
        let seq = decision.next.seq;
        self.state = Some(decision.next);
        self.facts.extend(decision.facts.into_iter().map(|fact| (principal.clone(), fact)));
        self.rows.extend(decision.rows);
        // An effect abandoned by a later decision of the same batch never starts.
        self.dispatches.retain(|dispatch| !decision.aborts.contains(&dispatch.effect));
        self.dispatches.extend(decision.dispatches);
        self.aborts.extend(decision.aborts);
        self.frees.extend(decision.frees);
        if let Some(submit) = submit {
            self.replies.push((submit, first_seq, seq));
        }
    }

    fn refuse(self, error: &ApiError) {
        for (submit, _, _) in self.replies {
            submit.refuse(error.clone());
        }
    }
}

impl SessionTask {
    /// Makes pending decisions durable, then acknowledges, shows and dispatches.
    pub(super) async fn commit(&mut self, mut pending: Pending) -> Result<(), Leave> {
        if pending.facts.is_empty() {
            self.acknowledge(pending.replies);
            // To ask again what became of a call needs no entry: that it is asked stands written.
            for dispatch in pending.dispatches {
                self.run(dispatch);
            }
            return Ok(());
        }
        let Some(mut state) = pending.state.take() else { return Ok(()) };
        let (commit, saving) = self.prepare(&mut state, &pending);
        let mut wait_ms = RETRY_BASE_MS;
        let mut outbox = None;
        loop {
            match self.commit_with_outbox(&commit, &state, &pending, &mut outbox).await {
                Ok(()) => break,
                Err(error) => {
                    if !must_not_be_lost(&error, &pending) {
                        return self.not_committed(pending, &error);
                    }
                    tracing::warn!(session = %self.session, %error, wait_ms, "a commit is tried again");
                    if self.inner.is_stopping() {
                        pending.refuse(&api_error(&error));
                        return Err(Leave::Stopped);
                    }
                    let clock = &self.inner.parts.clock;
                    clock.sleep_until(clock.now_ms() + wait_ms).await;
                    wait_ms = (wait_ms * 2).min(RETRY_CAP_MS);
                }
            }
        }
        Counters::add(&self.inner.counters.commits, 1);
        Counters::add(&self.inner.counters.entries, commit.entries.len() as u64);
        self.saving = saving;
        self.work = Work::of(&state);
        self.state = state;
        drop(pending.places);
        outbox.unwrap_or_default().posted(&self.inner.webhooks);
        if self.state.is_deleted {
            self.inner.destroying.wake();
        }
        if commit.tasks.iter().any(is_collect_task) {
            self.inner.collecting.wake();
        }
        if commit.tasks.iter().any(subagents::is_follow_up) {
            self.inner.subagents.wake();
        }
        self.acknowledge(pending.replies);
        let facts = pending.facts.into_iter().map(|(_, fact)| fact);
        self.inner.hubs.publish(&self.session, commit.entries, facts);
        for effect in pending.aborts {
            if let Some((_, handle)) = self.running.remove(&effect) {
                handle.abort();
            }
        }
        for dispatch in pending.dispatches {
            self.run(dispatch);
        }
        Ok(())
    }

    /// What webhooks tell of the facts is written with them.
    async fn commit_with_outbox(
        &self,
        commit: &Commit,
        state: &SessionState,
        pending: &Pending,
        outbox: &mut Option<Outbox>,
    ) -> Result<(), StoreError> {
        let outbox = match outbox {
            Some(outbox) => outbox,
            None => {
                let facts = pending.facts.iter().map(|(_, fact)| fact);
                outbox.insert(webhooks::outbox(&self.inner, state, pending.base, facts).await?)
            }
        };
        let mut commit = commit.clone();
        outbox.add_to(&mut commit);
        self.inner.parts.store.commit(commit).await
    }

    fn acknowledge(&self, replies: Vec<(Box<Submit>, Seq, Seq)>) {
        for (submit, first_seq, seq) in replies {
            submit.accept(self.session.clone(), first_seq, seq, false);
        }
    }

    /// Seals the facts into entries and makes the commit; the state gets the chain's new head. Answers
    /// also what stands behind the last snapshot once the commit is durable.
    fn prepare(&self, state: &mut SessionState, pending: &Pending) -> (Commit, Saving) {
        let (mut seq, mut hash) = (pending.base, self.state.hash);
        let mut entries = Vec::with_capacity(pending.facts.len());
        for (principal, fact) in &pending.facts {
            seq += 1;
            let at = state.last_active_at_ms;
            let journal = &state.journal;
            let entry = Entry::seal(fact.draft(), journal, seq, hash, at, principal, &self.trace);
            hash = entry.hash;
            entries.push(entry);
        }
        state.hash = hash;
        let least_bytes = self.inner.settings.snapshot_least_bytes;
        let mut saving = self.saving;
        saving.appended(payload_bytes(&entries));
        let snapshot = saving.due(state, least_bytes);
        if let Some(snapshot) = &snapshot {
            saving.saved(snapshot);
        }
        let commit = Commit {
            journal: state.journal.clone(),
            expected_seq: pending.base,
            epoch: self.claim.epoch,
            entries,
            rows: pending.rows.clone(),
            tasks: self.task_changes(state, &pending.facts),
            snapshot,
            erases: pending.facts.iter().any(|(_, fact)| matches!(fact, Fact::SessionDeleted(_))),
            adopts: None,
            frees: pending.frees.clone(),
        };
        (commit, saving)
    }

    fn task_changes(&self, state: &SessionState, facts: &[(Arc<str>, Fact)]) -> Vec<TaskChange> {
        let mut changes = subagents::follow_ups(state, facts.iter().map(|(_, fact)| fact));
        let has_sandbox = state.config.as_ref().is_some_and(|config| config.sandbox.is_some());
        if state.is_deleted && has_sandbox {
            changes.push(destroy_task(&self.session, state.last_active_at_ms));
        }
        let settings = &self.inner.settings;
        changes.extend(facts.iter().filter_map(|(_, fact)| operated_task(state, fact)));
        changes.extend(collect_task(state, facts.iter().map(|(_, fact)| fact), settings));
        let work = Work::of(state);
        if work == self.work {
            return changes;
        }
        let key = TaskKey { kind: SESSION_TASK_KIND.into(), subject: self.session.as_str().into() };
        let change = match work {
            Work::None => TaskChange::Delete { key },
            Work::Now => TaskChange::Put { key, due_at_ms: state.last_active_at_ms },
            Work::At(due_at_ms) => TaskChange::Put { key, due_at_ms },
        };
        changes.push(change);
        changes
    }

    fn not_committed(&mut self, pending: Pending, error: &StoreError) -> Result<(), Leave> {
        let answer = api_error(error);
        pending.refuse(&answer);
        match error {
            StoreError::Fenced { .. } => Err(Leave::Fenced),
            // The single writer's own journal moved under it: somebody else writes.
            StoreError::Conflict { .. } => Err(Leave::Fenced),
            StoreError::Corrupt { .. } | StoreError::Invalid { .. } => Err(Leave::Broken(answer)),
            StoreError::Overloaded { .. }
            | StoreError::DiskFull(_)
            | StoreError::Unavailable { .. } => Ok(()),
        }
    }

    /// A submission with an `Idempotency-Key`: done once, answered as often as it is sent.
    pub(super) async fn keyed(&mut self, mut submit: Box<Submit>) -> Result<(), Leave> {
        let Some((scope, idempotency)) = submit.idempotency.take() else { return Ok(()) };
        let key = RowKey::new(&IDEMPOTENCY, &[&scope, &idempotency.key]);
        let known = match self.inner.parts.store.row(&key).await {
            Ok(row) => row,
            Err(error) => {
                submit.refuse(api_error(&error));
                return Ok(());
            }
        };
        if let Some(row) = known {
            self.repeated(*submit, &row, &idempotency.body_sha256);
            return Ok(());
        }
        let now_ms = self.inner.parts.clock.now_ms();
        let row = remembered(&scope, &idempotency, &self.session, self.state.seq, now_ms);
        let mut pending = Pending::new(&self.state);
        self.submit(&mut pending, submit);
        // A command without facts is not remembered: there is nothing to repeat.
        if !pending.facts.is_empty() {
            pending.rows.push(row);
        }
        self.commit(pending).await
    }

    /// Answers a key that was accepted before, perhaps by another session (two requests to create
    /// one under the same key).
    fn repeated(&self, submit: Submit, row: &Row, body_sha256: &str) {
        let internal = |what: String| ApiError::new(ErrorCode::Internal, what);
        let known = match row.read::<IdempotencyRow>() {
            Ok(known) if known.body_sha256 == body_sha256 => known,
            Ok(_) => {
                return submit.refuse(ApiError::new(
                    ErrorCode::IdempotencyConflict,
                    "this Idempotency-Key was used with another body; use a new key for a new request",
                ));
            }
            Err(error) => return submit.refuse(internal(error.to_string())),
        };
        match SessionId::parse(&known.session) {
            Ok(session) => {
                let seq = if session == self.session { self.state.seq } else { 0 };
                submit.accept(session, known.first_seq.unwrap_or(seq), seq, true);
            }
            Err(error) => submit.refuse(internal(error.to_string())),
        }
    }

    /// Starts an effect. While the engine stops, only attempts that are already written down as
    /// begun are made: the others are made again by whoever takes the session next.
    fn run(&mut self, dispatch: Dispatch) {
        if self.inner.is_stopping() && !is_begun_once(&dispatch) {
            return;
        }
        let (effect, attempt) = (dispatch.effect.clone(), dispatch.attempt);
        let handle = dispatch::start(&self.inner, &self.session, &self.sender, dispatch);
        self.running.insert(effect, (attempt, handle));
    }
}

/// Whether a failed commit holds what only this process knows. Outcomes and the runtime's own
/// decisions wait for the store, and who submitted beside them waits too; a submission alone can
/// be sent again.
fn must_not_be_lost(error: &StoreError, pending: &Pending) -> bool {
    let passing = match error {
        StoreError::Overloaded { .. }
        | StoreError::DiskFull(_)
        | StoreError::Unavailable { .. } => true,
        StoreError::Conflict { .. }
        | StoreError::Fenced { .. }
        | StoreError::Corrupt { .. }
        | StoreError::Invalid { .. } => false,
    };
    passing && (pending.replies.is_empty() || has_outcome(&pending.facts))
}

fn payload_bytes(entries: &[Entry]) -> u64 {
    entries.iter().map(|entry| entry.payload.get().len() as u64).sum()
}

fn has_outcome(facts: &[(Arc<str>, Fact)]) -> bool {
    facts.iter().any(|(_, fact)| {
        matches!(fact, Fact::EffectCompleted(_) | Fact::EffectFailed(_) | Fact::EffectUnknown(_))
    })
}

fn is_begun_once(dispatch: &Dispatch) -> bool {
    match &dispatch.kind {
        DispatchKind::Tool(call) => call.spec.safety == Safety::Once,
        DispatchKind::Model { .. }
        | DispatchKind::Subagent(_)
        | DispatchKind::Reconcile(_)
        | DispatchKind::ResolveTools { .. }
        | DispatchKind::Checkpoint { .. } => false,
    }
}
