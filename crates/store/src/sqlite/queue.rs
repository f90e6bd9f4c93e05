//! The bounded queue between whoever commits and the writer thread.
//!
//! Invariant: jobs leave in the order in which they came; a full queue refuses at once. A mutex
//! and a condition variable, because waking the writer must cost one system call at the most and
//! none while it is busy.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};

use mainstay_protocol::RowSpec;
use tokio::sync::oneshot;

use crate::{Commit, StoreError};

/// How many bytes of entries and rows one group may hold before it is closed.
const GROUP_LIMIT_BYTES: usize = 4 << 20;

pub(super) type Reply = oneshot::Sender<Result<(), StoreError>>;

/// A commit whose caller waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) commit: Commit,
    pub(super) reply: Reply,
}

/// What the writer does next.
#[derive(Debug)]
pub(super) enum Work {
    Group(Vec<Waiting>),
    Migrate { list: &'static [RowSpec], reply: Reply },
}

#[derive(Debug)]
enum Job {
    Commit(Waiting),
    Migrate { list: &'static [RowSpec], reply: Reply },
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Job>,
    is_writer_asleep: bool,
    is_closed: bool,
}

#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    limit_count: usize,
}

impl Queue {
    pub(super) fn new(limit_count: usize) -> Self {
        Self { state: Mutex::default(), wake: Condvar::new(), limit_count }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics while it holds the queue")
    }

    /// Hands a commit to the writer.
    pub(super) fn push(&self, commit: Commit, reply: Reply) -> Result<(), StoreError> {
        self.push_job(Job::Commit(Waiting { commit, reply }))
    }

    /// Hands row specs to the writer.
    pub(super) fn push_migration(&self, list: &'static [RowSpec], reply: Reply) -> Result<(), StoreError> {
        self.push_job(Job::Migrate { list, reply })
    }

    fn push_job(&self, job: Job) -> Result<(), StoreError> {
        let mut state = self.lock();
        if state.is_closed {
            return Err(stopped());
        }
        if state.jobs.len() >= self.limit_count {
            return Err(StoreError::Overloaded { limit_count: self.limit_count });
        }
        state.jobs.push_back(job);
        let must_wake = std::mem::take(&mut state.is_writer_asleep);
        drop(state);
        if must_wake {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Waits for work: all commits that stand in the queue, within the group's bounds. None when
    /// the queue is closed and empty.
    pub(super) fn take(&self, group_limit_count: usize) -> Option<Work> {
        let mut state = self.lock();
        while state.jobs.is_empty() {
            if state.is_closed {
                return None;
            }
            state.is_writer_asleep = true;
            state = self.wake.wait(state).expect("no code panics while it holds the queue");
        }
        let mut group = Vec::new();
        let mut size_bytes = 0;
        loop {
            match state.jobs.pop_front() {
                Some(Job::Commit(waiting)) => {
                    size_bytes += commit_bytes(&waiting.commit);
                    group.push(waiting);
                }
                Some(Job::Migrate { list, reply }) if group.is_empty() => {
                    return Some(Work::Migrate { list, reply });
                }
                Some(migration @ Job::Migrate { .. }) => {
                    state.jobs.push_front(migration);
                    break;
                }
                None => break,
            }
            if group.len() >= group_limit_count || size_bytes >= GROUP_LIMIT_BYTES {
                break;
            }
        }
        Some(Work::Group(group))
    }

    pub(super) fn len(&self) -> usize {
        self.lock().jobs.len()
    }

    /// Refuses new work; what stands in the queue is still taken.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.wake.notify_one();
    }

    /// Refuses new work and drops what waits, whose callers learn that the writer is gone.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        state.jobs.clear();
    }
}

/// The answer of a store whose writer ended.
pub(super) fn stopped() -> StoreError {
    StoreError::Unavailable { what: "the store's writer has stopped".to_owned(), source: None }
}

fn commit_bytes(commit: &Commit) -> usize {
    use mainstay_protocol::RowChange as C;
    let entries: usize = commit.entries.iter().map(|entry| entry.payload.get().len()).sum();
    let rows: usize = commit
        .rows
        .iter()
        .map(|change| match change {
            C::Put(row) | C::Insert(row) => row.doc.get().len(),
            C::Delete(_) => 0,
        })
        .sum();
    entries + rows + commit.snapshot.as_ref().map_or(0, |snapshot| snapshot.bytes.len())
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
