//! Letting go of old checkpoints: what only they had is the journal's no longer.
//!
//! Invariant: a checkpoint goes when so many are newer and it is so old, and never the one that the session
//! stands on. Entry and loss of the blobs are one commit of the session's single writer, refused while a
//! save is under way, so that after a crash at any moment every checkpoint behind the mark is whole. What
//! artifacts are read from stays. Deliberately absent: blobs of saves that came to nothing, which go with
//! their session.

mod needs;
mod plan;

use std::sync::Arc;

use futures::FutureExt;
use mainstay_core::effect::Outcome;
use mainstay_core::fact::Fact;
use mainstay_core::session::{Collect, Command, SessionState};
use mainstay_protocol::{ApiError, ErrorCode, Principal, SessionId, TaskChange, TaskKey};

pub use self::needs::ARTIFACTS_FOLDER;
use self::needs::Needs;
use self::plan::{Batch, Keeping, next_due_ms};
use crate::due::{self, Desk};
use crate::engine::{Engine, EngineSettings, Inner};
use crate::stats::Counters;
use crate::submit::Submission;

const KIND: &str = "collect_checkpoints";
const JOURNAL: &str = "collect_checkpoints";
/// How many sessions are looked at at once.
const SESSIONS_LIMIT_COUNT: usize = 2;
/// How many more than are to be kept gather before a session is looked at.
const SLACK_COUNT: u32 = 16;
/// When a session that was busy is looked at again.
const RETRY_MS: u64 = 10_000;

/// What the parts of an engine share about old checkpoints.
pub(crate) struct Collecting(Desk);

impl Default for Collecting {
    fn default() -> Self {
        Self(Desk::new(KIND, SESSIONS_LIMIT_COUNT))
    }
}

impl Collecting {
    /// A session has many checkpoints.
    pub(crate) fn wake(&self) {
        self.0.wake();
    }
}

/// What is written with a checkpoint when there are many.
pub(crate) fn collect_task<'a>(
    state: &SessionState,
    mut facts: impl Iterator<Item = &'a Fact>,
    settings: &EngineSettings,
) -> Option<TaskChange> {
    let keep = settings.kept_checkpoints.max(1);
    let is_many = state.workspace.kept_count >= keep.saturating_add(keep.min(SLACK_COUNT));
    let brings = |fact: &Fact| match fact {
        Fact::EffectCompleted(fact) => matches!(fact.outcome, Outcome::Checkpoint { .. }),
        _ => false,
    };
    let session = &state.config.as_ref()?.id;
    (is_many && facts.any(brings)).then(|| TaskChange::Put {
        key: TaskKey { kind: KIND.into(), subject: session.as_str().into() },
        due_at_ms: state.last_active_at_ms,
    })
}

pub(crate) fn is_collect_task(change: &TaskChange) -> bool {
    matches!(change, TaskChange::Put { key, .. } if key.kind.as_ref() == KIND)
}

pub(super) fn start(inner: &Arc<Inner>) {
    due::start(
        inner,
        |inner| &inner.collecting.0,
        |inner, task| async move { handle(&inner, task).await }.boxed(),
    );
}

async fn handle(inner: &Arc<Inner>, task: TaskKey) -> Result<(), ApiError> {
    let next = match SessionId::parse(&task.subject) {
        Ok(session) => match collect(inner, &session).await {
            Ok(next) => next,
            // It went on, or is being saved.
            Err(error) if error.code == ErrorCode::Conflict => {
                Some(inner.parts.clock.now_ms() + RETRY_MS)
            }
            Err(error) if error.code == ErrorCode::NotFound => None,
            Err(error) => return Err(error),
        },
        Err(_) => None,
    };
    let change = match next {
        Some(due_at_ms) => TaskChange::Put { key: task, due_at_ms },
        None => TaskChange::Delete { key: task },
    };
    due::write(inner, JOURNAL, Vec::new(), vec![change]).await
}

/// Lets go of a session's old checkpoints. Answers when to look again.
async fn collect(inner: &Arc<Inner>, session: &SessionId) -> Result<Option<u64>, ApiError> {
    let Some(row) = inner.session_row(session).await? else { return Ok(None) };
    let Some(workspace) = row.workspace else { return Ok(None) };
    let settings = &inner.settings;
    let keeping = Keeping {
        count: usize::try_from(settings.kept_checkpoints).unwrap_or(usize::MAX),
        age_ms: settings.kept_checkpoints_ms,
        standing: workspace.checkpoint_seq,
        now_ms: inner.parts.clock.now_ms(),
    };
    let engine = Engine::of(inner);
    let journal = engine.saved_since(session, workspace.collected_before).await?;
    let going = keeping.going(&journal.points);
    if going > 0 {
        let mut needs = Needs::new(&engine, session);
        let stays = needs.stays(&journal, going, workspace.collected_seq).await?;
        let batches = needs.batches(&journal.points, going, stays).await?;
        let caller = inner.as_runtime(row.tenant);
        let mut as_of = journal.head;
        for batch in batches {
            as_of = engine.let_go(&caller, session, batch, as_of).await?;
        }
    }
    Ok(next_due_ms(&keeping, &journal.points[going..]))
}

impl Engine {
    /// Commits that some checkpoints are kept no longer. Answers the entry that says so.
    async fn let_go(
        &self,
        caller: &Principal,
        session: &SessionId,
        batch: Batch,
        as_of: u64,
    ) -> Result<u64, ApiError> {
        let Batch { before, checkpoint_count, frees, stays } = batch;
        let blob_count = frees.len() as u64;
        let collect = Collect { before, checkpoint_count, frees, stays, as_of: Some(as_of) };
        let commands = vec![Command::Collect(Box::new(collect))];
        let submission = Submission { caller: caller.clone(), commands, idempotency: None };
        let accepted = self.submit(session, submission).await?;
        let counters = &self.inner().counters;
        Counters::add(&counters.collected_checkpoints, u64::from(checkpoint_count));
        Counters::add(&counters.freed_blobs, blob_count);
        Ok(accepted.seq)
    }
}
