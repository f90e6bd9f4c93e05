//! The bounded queue before the writer, and whose turn it is to write.
//!
//! Invariant: one writes at a time; jobs leave in the order in which they came; a full queue
//! refuses at once. A mutex and a condition variable, because waking the thread must cost one
//! system call at the most and none while somebody writes.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};

use mainstay_protocol::RowSpec;
use tokio::sync::oneshot;

use crate::StoreError;
use crate::sqlite::work::Write;

/// How many bytes of entries, rows and blobs one group may hold before it is closed.
const GROUP_LIMIT_BYTES: usize = 4 << 20;

pub(super) type Reply = oneshot::Sender<Result<(), StoreError>>;

/// A write whose caller waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) write: Write,
    pub(super) reply: Reply,
}

/// What the writer does next.
#[derive(Debug)]
pub(super) enum Work {
    Group(Vec<Waiting>),
    Checkpoint,
    Migrate { list: &'static [RowSpec], reply: Reply },
}

#[derive(Debug)]
enum Job {
    Write(Waiting),
    Migrate { list: &'static [RowSpec], reply: Reply },
}

/// Who writes.
#[derive(Debug, Default, PartialEq, Eq)]
enum Turn {
    #[default]
    Nobody,
    Thread,
    Caller,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Job>,
    turn: Turn,
    is_thread_asleep: bool,
    needs_checkpoint: bool,
    is_closed: bool,
}

#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    limit_count: usize,
}

/// The turn of a caller that writes alone; ends when it is dropped.
#[derive(Debug)]
pub(super) struct Alone<'a> {
    queue: &'a Queue,
    pub(super) needs_checkpoint: bool,
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.turn = Turn::Nobody;
        state.needs_checkpoint |= self.needs_checkpoint;
        let has_work = !state.jobs.is_empty() || state.needs_checkpoint || state.is_closed;
        self.queue.wake_if(has_work, state);
    }
}

impl Queue {
    pub(super) fn new(limit_count: usize) -> Self {
        Self { state: Mutex::default(), wake: Condvar::new(), limit_count }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics while it holds the queue")
    }

    /// Wakes the thread unless it is awake or on its way.
    fn wake_if(&self, has_work: bool, mut state: MutexGuard<'_, State>) {
        let must_wake = has_work && std::mem::take(&mut state.is_thread_asleep);
        drop(state);
        if must_wake {
            self.wake.notify_one();
        }
    }

    /// Gives the caller the turn to write, if nobody writes or waits.
    pub(super) fn begin_alone(&self) -> Option<Alone<'_>> {
        let mut state = self.lock();
        let is_free = state.turn == Turn::Nobody && !state.is_closed;
        if !is_free || state.needs_checkpoint || !state.jobs.is_empty() {
            return None;
        }
        state.turn = Turn::Caller;
        Some(Alone { queue: self, needs_checkpoint: false })
    }

    /// Hands a write to the writer's thread.
    pub(super) fn push(&self, write: Write, reply: Reply) -> Result<(), StoreError> {
        self.push_job(Job::Write(Waiting { write, reply }))
    }

    /// Hands row specs to the writer's thread.
    pub(super) fn push_migration(
        &self,
        list: &'static [RowSpec],
        reply: Reply,
    ) -> Result<(), StoreError> {
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
        // Whoever writes looks at the queue when it is done.
        let is_free = state.turn == Turn::Nobody;
        self.wake_if(is_free, state);
        Ok(())
    }

    /// Ends the thread's turn and waits for its next: all writes that stand in the queue, within
    /// the group's bounds. None when the queue is closed and empty.
    pub(super) fn take(&self, group_limit_count: usize) -> Option<Work> {
        let mut state = self.lock();
        if state.turn == Turn::Thread {
            state.turn = Turn::Nobody;
        }
        while state.turn == Turn::Caller || (state.jobs.is_empty() && !state.needs_checkpoint) {
            if state.is_closed && state.turn == Turn::Nobody {
                return None;
            }
            state.is_thread_asleep = true;
            state = self.wake.wait(state).expect("no code panics while it holds the queue");
        }
        state.turn = Turn::Thread;
        if std::mem::take(&mut state.needs_checkpoint) {
            return Some(Work::Checkpoint);
        }
        let mut group = Vec::new();
        let mut size_bytes = 0;
        loop {
            match state.jobs.pop_front() {
                Some(Job::Write(waiting)) => {
                    size_bytes += waiting.write.size_bytes();
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

    pub(super) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    pub(super) fn len(&self) -> usize {
        self.lock().jobs.len()
    }

    /// Refuses new work; what stands in the queue is still taken.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        self.wake_if(true, state);
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

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
