//! The bounded queue before the writer, and whose turn it is to write.
//!
//! Invariant: one writes at a time; jobs leave in the order in which they came; a full queue
//! refuses at once; the thread lets a group fill no longer than it may. A mutex and a condition
//! variable, because waking the thread must cost one system call at the most and none while somebody
//! writes.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use mainstay_protocol::RowSpec;
use tokio::sync::oneshot;

use crate::StoreError;
use crate::sqlite::herd::{self, Fill};
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
    /// What the last group taught about the next.
    fill: Option<Fill>,
    /// How many jobs the thread waits for, while it lets a group fill.
    awaited_count: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    limit_count: usize,
    fill_wait: Duration,
}

/// The turn of a caller that writes alone; ends when it is dropped.
#[derive(Debug)]
pub(super) struct Alone<'a> {
    queue: &'a Queue,
    pub(super) needs_checkpoint: bool,
    pub(super) fill: Option<Fill>,
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.turn = Turn::Nobody;
        state.fill = self.fill;
        state.needs_checkpoint |= self.needs_checkpoint;
        let has_work = !state.jobs.is_empty() || state.needs_checkpoint || state.is_closed;
        self.queue.wake_if(has_work, state);
    }
}

impl Queue {
    pub(super) fn new(limit_count: usize, fill_wait: Duration) -> Self {
        Self { state: Mutex::default(), wake: Condvar::new(), limit_count, fill_wait }
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

    /// Gives the caller the turn to write, if nobody writes or waits, or is about to.
    pub(super) fn begin_alone(&self) -> Option<Alone<'_>> {
        let mut state = self.lock();
        let is_free = state.turn == Turn::Nobody && !state.is_closed;
        if !is_free || state.needs_checkpoint || !state.jobs.is_empty() {
            return None;
        }
        if self.wanted_count(&state).is_some() {
            return None;
        }
        state.turn = Turn::Caller;
        Some(Alone { queue: self, needs_checkpoint: false, fill: None })
    }

    /// How many writes the next group should have, where others are about to write too.
    fn wanted_count(&self, state: &State) -> Option<usize> {
        let fill = state.fill.filter(|_| !self.fill_wait.is_zero())?;
        fill.holds_at(herd::now()).then_some(fill.count)
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
        let is_full = state.awaited_count.is_some_and(|count| state.jobs.len() >= count);
        self.wake_if(is_free || is_full, state);
        Ok(())
    }

    /// Ends the thread's turn, which taught it `fill`, and waits for its next: all writes that stand
    /// in the queue, within the group's bounds. None when the queue is closed and empty.
    pub(super) fn take(&self, group_limit_count: usize, fill: Option<Fill>) -> Option<Work> {
        let mut state = self.lock();
        if state.turn == Turn::Thread {
            state.turn = Turn::Nobody;
            state.fill = fill;
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
        Some(group(self.filled(state, group_limit_count), group_limit_count))
    }

    /// Lets a group fill where others are about to write too, for a bounded time.
    fn filled<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        group_limit_count: usize,
    ) -> MutexGuard<'a, State> {
        let Some(count) = self.wanted_count(&state) else { return state };
        let count = count.min(group_limit_count);
        let end = herd::now() + self.fill_wait;
        while state.jobs.len() < count && !state.is_closed {
            let left = end.saturating_duration_since(herd::now());
            if left.is_zero() {
                break;
            }
            state.is_thread_asleep = true;
            state.awaited_count = Some(count);
            let woken = self.wake.wait_timeout(state, left);
            state = woken.expect("no code panics while it holds the queue").0;
            state.is_thread_asleep = false;
            state.awaited_count = None;
        }
        state
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

/// The writes at the head of the queue that make one group, or the migration that stands there.
fn group(mut state: MutexGuard<'_, State>, limit_count: usize) -> Work {
    let mut group = Vec::new();
    let mut size_bytes = 0;
    loop {
        match state.jobs.pop_front() {
            Some(Job::Write(waiting)) => {
                size_bytes += waiting.write.size_bytes();
                group.push(waiting);
            }
            Some(Job::Migrate { list, reply }) if group.is_empty() => {
                return Work::Migrate { list, reply };
            }
            Some(migration @ Job::Migrate { .. }) => {
                state.jobs.push_front(migration);
                break;
            }
            None => break,
        }
        if group.len() >= limit_count || size_bytes >= GROUP_LIMIT_BYTES {
            break;
        }
    }
    Work::Group(group)
}

/// The answer of a store whose writer ended.
pub(super) fn stopped() -> StoreError {
    StoreError::Unavailable { what: "the store's writer has stopped".to_owned(), source: None }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
