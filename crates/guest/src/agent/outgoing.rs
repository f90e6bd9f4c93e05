//! What waits to be written to the host.
//!
//! Invariant: it holds a bounded number of bytes, and only those of the conversation that is going on:
//! whoever sends for an older one is told so at once. Deliberately absent: credit, which is the
//! channels' own.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What may wait: a few frames for each side of a busy machine.
const MAX_QUEUED_BYTES: usize = 512 * 1024;

/// What is written at once.
const MAX_WRITE_BYTES: usize = 64 * 1024;

/// The conversation is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Over;

#[derive(Default)]
pub(crate) struct Outgoing {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Vec<u8>>,
    queued_bytes: usize,
    conversation: u64,
    is_closed: bool,
}

impl Outgoing {
    /// Begins the next conversation with its first bytes, and forgets what waits of the one before.
    pub(crate) fn begin(&self, first: Vec<u8>) -> u64 {
        let mut state = self.lock();
        state.conversation += 1;
        state.queued_bytes = first.len();
        state.queue.clear();
        state.queue.push_back(first);
        self.changed.notify_all();
        state.conversation
    }

    /// Ends the conversation that is going on, without another.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        state.conversation += 1;
        state.queued_bytes = 0;
        state.queue.clear();
        self.changed.notify_all();
    }

    /// Nothing is written any more.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// Waits for room.
    pub(crate) fn send(&self, conversation: u64, frame: Vec<u8>) -> Result<(), Over> {
        let mut state = self.lock();
        while state.goes_on(conversation) && state.is_full() {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if !state.goes_on(conversation) {
            return Err(Over);
        }
        state.push(frame);
        self.changed.notify_all();
        Ok(())
    }

    /// Sends if there is room at once.
    pub(crate) fn try_send(&self, conversation: u64, frame: Vec<u8>) -> bool {
        let mut state = self.lock();
        if state.is_full() || !state.goes_on(conversation) {
            return false;
        }
        state.push(frame);
        self.changed.notify_all();
        true
    }

    /// Writes what comes until it is closed or the writer fails.
    pub(crate) fn write_to(&self, mut writer: impl Write) {
        while let Some(bytes) = self.next() {
            if writer.write_all(&bytes).is_err() {
                self.close();
            }
        }
    }

    fn next(&self) -> Option<Vec<u8>> {
        let mut state = self.lock();
        loop {
            if state.is_closed {
                return None;
            }
            if let Some(mut bytes) = state.queue.pop_front() {
                state.queued_bytes -= bytes.len();
                while state.queue.front().is_some_and(|f| bytes.len() + f.len() <= MAX_WRITE_BYTES)
                {
                    let frame = state.queue.pop_front().unwrap_or_default();
                    state.queued_bytes -= frame.len();
                    bytes.extend_from_slice(&frame);
                }
                self.changed.notify_all();
                return Some(bytes);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn goes_on(&self, conversation: u64) -> bool {
        !self.is_closed && self.conversation == conversation
    }

    fn is_full(&self) -> bool {
        self.queued_bytes >= MAX_QUEUED_BYTES
    }

    fn push(&mut self, frame: Vec<u8>) {
        self.queued_bytes += frame.len();
        self.queue.push_back(frame);
    }
}
