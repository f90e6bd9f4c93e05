//! Doing what follows.

use std::sync::Arc;

use futures::FutureExt;
use mainstay_core::session::{Command, SESSIONS};
use mainstay_protocol::{
    ApiError, ErrorCode, RowKey, SessionId, TaskChange, TaskKey, TenantId, TurnId,
};
use tokio::sync::{Mutex, MutexGuard};

use super::follow::{FollowUp, KIND};
use super::rows::{Of, row, rows};
use crate::due::{self, Desk};
use crate::engine::{Engine, Inner, api_error};
use crate::submit::Submission;

/// How many follow-ups are done at once.
const FOLLOW_UPS_LIMIT_COUNT: usize = 16;
/// The journal of what has no author, which stays empty.
const JOURNAL: &str = "subagents";
/// How long after a parent's end its subagents are looked for again: an attempt to make one that was
/// under way is over by then.
const SECOND_PASS_MS: u64 = 120_000;
/// How many trees are counted at once.
const COUNTED_TREES_COUNT: usize = 64;

/// What the parts of an engine share about subagents.
pub(crate) struct Subagents {
    desk: Desk,
    /// Held while the subagents of a tree are counted and one more begins to work.
    counting: Vec<Mutex<()>>,
}

impl Default for Subagents {
    fn default() -> Self {
        let counting = (0..COUNTED_TREES_COUNT).map(|_| Mutex::new(())).collect();
        Self { desk: Desk::new(KIND, FOLLOW_UPS_LIMIT_COUNT), counting }
    }
}

impl Subagents {
    /// There may be something to do now.
    pub(crate) fn wake(&self) {
        self.desk.wake();
    }

    /// Nobody else of this process lets a subagent of this tree begin to work.
    pub(super) async fn counting(&self, root: &SessionId) -> MutexGuard<'_, ()> {
        let sum: usize = root.as_str().bytes().map(usize::from).sum();
        self.counting[sum % COUNTED_TREES_COUNT].lock().await
    }
}

pub(crate) fn start(inner: &Arc<Inner>) {
    due::start(
        inner,
        |inner| &inner.subagents.desk,
        |inner, task| async move { handle(&inner, task).await }.boxed(),
    );
}

async fn handle(inner: &Arc<Inner>, task: TaskKey) -> Result<(), ApiError> {
    let mut tasks = vec![TaskChange::Delete { key: task.clone() }];
    match FollowUp::of(&task) {
        Some(FollowUp::Report { parent, subagent, .. }) => {
            report(inner, &parent, &subagent).await?;
        }
        Some(FollowUp::Interrupt { parent, turn, at_ms, pass }) => {
            interrupt(inner, &parent, &turn, at_ms).await?;
            if pass == 1 {
                let again = FollowUp::Interrupt { parent, turn, at_ms: 0, pass: 2 };
                tasks.push(again.due(inner.parts.clock.now_ms() + SECOND_PASS_MS));
            }
        }
        Some(FollowUp::Delete { parent, pass }) => {
            delete(inner, &parent).await?;
            if pass == 1 {
                let again = FollowUp::Delete { parent, pass: 2 };
                tasks.push(again.due(inner.parts.clock.now_ms() + SECOND_PASS_MS));
            }
        }
        None => {}
    }
    due::write(inner, JOURNAL, Vec::new(), tasks).await
}

/// The parent is told; where it is gone, so must be its subagent.
async fn report(
    inner: &Arc<Inner>,
    parent: &SessionId,
    subagent: &SessionId,
) -> Result<(), ApiError> {
    let row = row(inner, subagent).await?;
    if !exists(inner, parent).await? {
        let Some(row) = row else { return Ok(()) };
        return erase(inner, &row.tenant, subagent).await;
    }
    let total = row.as_ref().map(|row| row.usage);
    let report = Command::SubagentReport { subagent: subagent.clone(), total };
    // The runtime itself tells it, whoever's session it is.
    let tenant = row.map_or_else(|| TenantId::parse("runtime").expect("a plain id"), |r| r.tenant);
    let told = Engine::of(inner).send(parent, &inner.as_runtime(tenant), vec![report], None).await;
    unless_gone(told.map(drop))
}

async fn exists(inner: &Inner, session: &SessionId) -> Result<bool, ApiError> {
    let key = RowKey::new(&SESSIONS, &[session.as_str()]);
    let row = inner.parts.store.row(&key).await.map_err(|error| api_error(&error))?;
    Ok(row.is_some())
}

/// Ends what a turn has subagents do: those that it made, and those that worked when it ended.
async fn interrupt(
    inner: &Arc<Inner>,
    parent: &SessionId,
    turn: &TurnId,
    at_ms: u64,
) -> Result<(), ApiError> {
    for row in rows(inner, Of::Parent(parent)).await? {
        // What it was made for: a later task of it belongs to a later turn.
        let is_first = row.started_at_ms == Some(row.opened_at_ms);
        let is_of_turn = row.parent.turn == *turn && is_first;
        let began_before = row.started_at_ms.is_some_and(|started| started <= at_ms);
        if row.is_busy() && (is_of_turn || began_before) {
            let caller = inner.as_runtime(row.tenant);
            let commands = vec![Command::Cancel];
            let submission = Submission { caller, commands, idempotency: None };
            unless_gone(Engine::of(inner).submit(&row.id, submission).await.map(drop))?;
        }
    }
    Ok(())
}

async fn delete(inner: &Arc<Inner>, parent: &SessionId) -> Result<(), ApiError> {
    for row in rows(inner, Of::Parent(parent)).await? {
        erase(inner, &row.tenant, &row.id).await?;
    }
    Ok(())
}

async fn erase(inner: &Arc<Inner>, tenant: &TenantId, session: &SessionId) -> Result<(), ApiError> {
    unless_gone(Engine::of(inner).erase(&inner.as_runtime(tenant.clone()), session).await)
}

fn unless_gone(done: Result<(), ApiError>) -> Result<(), ApiError> {
    match done {
        Err(error) if error.code != ErrorCode::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
