//! Ending the machines of sessions that are gone: announced with their deletion, so that a crash in
//! between ends them all the same; and at the start those that nobody knows.

use std::sync::Arc;

use futures::FutureExt;
use mainstay_core::port::SandboxInfo;
use mainstay_core::session::SESSIONS;
use mainstay_protocol::{ApiError, JournalId, RowKey, SessionId, TaskChange, TaskKey};
use mainstay_store::{Commit, Direction, EntryRange, StoreError};

use super::{collect, sandbox_error, unended};
use crate::due::{self, Desk};
use crate::engine::{Inner, api_error};

const KIND: &str = "destroy_sandbox";
const JOURNAL: &str = "sandboxes";
/// How many machines are ended at once.
const DESTROYED_LIMIT_COUNT: usize = 4;

/// What the parts of an engine share about machines to be ended.
pub(crate) struct Destroying(Desk);

impl Default for Destroying {
    fn default() -> Self {
        Self(Desk::new(KIND, DESTROYED_LIMIT_COUNT))
    }
}

impl Destroying {
    /// A session was deleted.
    pub(crate) fn wake(&self) {
        self.0.wake();
    }
}

/// What is written with the deletion of a session that may have a machine.
pub(crate) fn destroy_task(session: &SessionId, now_ms: u64) -> TaskChange {
    let key = TaskKey { kind: KIND.into(), subject: session.as_str().into() };
    TaskChange::Put { key, due_at_ms: now_ms }
}

pub(crate) fn start(inner: &Arc<Inner>) {
    due::start(
        inner,
        |inner| &inner.destroying.0,
        |inner, task| async move { handle(&inner, task).await }.boxed(),
    );
    collect::start(inner);
    unended::start(inner);
    let keeper = inner.clone();
    inner.spawner.spawn("sandboxes", async move { destroy_unknown(&keeper).await }, || {});
}

async fn handle(inner: &Arc<Inner>, task: TaskKey) -> Result<(), ApiError> {
    if let Ok(session) = SessionId::parse(&task.subject) {
        let destroyed = inner.parts.sandboxes.destroy(&session).await;
        destroyed.map_err(|error| sandbox_error(&error))?;
        forget_blobs(inner, &session).await.map_err(|error| api_error(&error))?;
    }
    due::write(inner, JOURNAL, Vec::new(), vec![TaskChange::Delete { key: task }]).await
}

/// A machine that was being saved may have put blobs behind the deletion.
async fn forget_blobs(inner: &Arc<Inner>, session: &SessionId) -> Result<(), StoreError> {
    let journal: JournalId = session.as_str().into();
    let last = EntryRange { after: u64::MAX, direction: Direction::Descending, limit_count: 1 };
    let last = inner.parts.store.entries(&journal, last).await?;
    let commit = Commit {
        journal,
        expected_seq: last.first().map_or(0, |entry| entry.seq),
        epoch: 0,
        entries: Vec::new(),
        rows: Vec::new(),
        tasks: Vec::new(),
        snapshot: None,
        erases: true,
        adopts: None,
        frees: Vec::new(),
    };
    inner.parts.store.commit(commit).await
}

/// Machines that an earlier process left, whose sessions are gone.
async fn destroy_unknown(inner: &Arc<Inner>) {
    let found = match inner.parts.sandboxes.list().await {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(%error, "machines of an earlier process could not be looked up");
            return;
        }
    };
    for SandboxInfo { session, .. } in found {
        let key = RowKey::new(&SESSIONS, &[session.as_str()]);
        match inner.parts.store.row(&key).await {
            Ok(Some(_)) => continue,
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%session, %error, "a machine's session could not be looked up");
                continue;
            }
        }
        tracing::info!(%session, "ending a machine whose session is gone");
        if let Err(error) = inner.parts.sandboxes.destroy(&session).await {
            tracing::warn!(%session, %error, "a machine whose session is gone could not be ended");
        }
    }
}
