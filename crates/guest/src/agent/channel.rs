//! One channel of a conversation: data in, data out, and the answer.
//!
//! Invariant: a channel holds at most one window of data that came; whoever sends more breaks the
//! protocol. What waits on a channel is woken when the host closes it or vanishes.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use mainstay_guest::{Done, Kind, MAX_PAYLOAD_BYTES, Problem, Reply, WINDOW_BYTES, encode};

use super::outgoing::{Outgoing, Over};

/// Longer texts for the host are cut.
const MAX_PROBLEM_BYTES: usize = 4096;

/// Told when the host has closed a channel, or is gone.
pub(crate) trait Watcher: Send + Sync {
    /// The host wants what was asked for to end.
    fn closed(&self);
    /// The host is gone; what it asked for goes on.
    fn left(&self);
    /// A terminal has another size.
    fn resized(&self, _columns: u16, _rows: u16) {}
}

pub(crate) struct Channel {
    id: u32,
    conversation: u64,
    out: Arc<Outgoing>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    incoming: VecDeque<Vec<u8>>,
    incoming_bytes: usize,
    ungranted_bytes: usize,
    credit_bytes: usize,
    has_ended: bool,
    is_closed: bool,
    is_left: bool,
    has_sent_close: bool,
    watcher: Option<Arc<dyn Watcher>>,
}

impl Channel {
    pub(crate) fn new(id: u32, conversation: u64, out: Arc<Outgoing>) -> Self {
        let state = State { credit_bytes: WINDOW_BYTES, ..State::default() };
        Self { id, conversation, out, state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    // What the reader of frames does.

    /// Takes data; false when it was not paid for.
    pub(crate) fn push(&self, payload: Vec<u8>) -> bool {
        let mut state = self.lock();
        let total = state.incoming_bytes + state.ungranted_bytes + payload.len();
        if state.has_ended || total > WINDOW_BYTES {
            return false;
        }
        state.incoming_bytes += payload.len();
        state.incoming.push_back(payload);
        self.changed.notify_all();
        true
    }

    pub(crate) fn push_end(&self) {
        self.lock().has_ended = true;
        self.changed.notify_all();
    }

    /// Takes credit; false when it is more than a window.
    pub(crate) fn grant(&self, bytes: usize) -> bool {
        let mut state = self.lock();
        state.credit_bytes = state.credit_bytes.saturating_add(bytes);
        self.changed.notify_all();
        state.credit_bytes <= WINDOW_BYTES
    }

    pub(crate) fn close(&self) {
        let watcher = {
            let mut state = self.lock();
            state.is_closed = true;
            self.changed.notify_all();
            state.watcher.clone()
        };
        if let Some(watcher) = watcher {
            watcher.closed();
        }
    }

    pub(crate) fn leave(&self) {
        let watcher = {
            let mut state = self.lock();
            state.is_left = true;
            self.changed.notify_all();
            state.watcher.clone()
        };
        if let Some(watcher) = watcher {
            watcher.left();
        }
    }

    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let watcher = self.lock().watcher.clone();
        if let Some(watcher) = watcher {
            watcher.resized(columns, rows);
        }
    }

    // What requests do.

    /// Has this one told from now on, and at once if it has happened.
    pub(crate) fn watch(&self, watcher: &Arc<dyn Watcher>) {
        let (is_closed, is_left) = {
            let mut state = self.lock();
            state.watcher = Some(Arc::clone(watcher));
            (state.is_closed, state.is_left)
        };
        if is_closed {
            watcher.closed();
        } else if is_left {
            watcher.left();
        }
    }

    /// Whether nobody waits for the answer.
    pub(crate) fn is_over(&self) -> bool {
        let state = self.lock();
        state.is_closed || state.is_left
    }

    /// The next data; none when the host has sent all.
    pub(crate) fn read(&self) -> Result<Option<Vec<u8>>, Over> {
        let mut state = self.lock();
        loop {
            // What came before the close is not lost.
            if let Some(piece) = state.incoming.pop_front() {
                state.incoming_bytes -= piece.len();
                state.ungranted_bytes += piece.len();
                let granted = if state.ungranted_bytes >= WINDOW_BYTES / 2 {
                    std::mem::take(&mut state.ungranted_bytes)
                } else {
                    0
                };
                drop(state);
                self.send_credit(granted)?;
                return Ok(Some(piece));
            }
            if state.has_ended {
                return Ok(None);
            }
            if state.is_closed || state.is_left {
                return Err(Over);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Sends data as credit allows.
    pub(crate) fn write(&self, mut bytes: &[u8]) -> Result<(), Over> {
        while !bytes.is_empty() {
            let room = self.take_credit(bytes.len().min(MAX_PAYLOAD_BYTES))?;
            let (piece, rest) = bytes.split_at(room);
            self.send(Kind::Data, piece)?;
            bytes = rest;
        }
        Ok(())
    }

    /// Wakes who still reads: there is nothing to come.
    pub(crate) fn shut(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// No more data comes from here.
    pub(crate) fn write_end(&self) -> Result<(), Over> {
        self.send(Kind::End, &[])
    }

    /// Shows a piece of output if there is room for it now, and says whether there was for all of it.
    pub(crate) fn show(&self, kind: Kind, bytes: &[u8]) -> bool {
        bytes.chunks(MAX_PAYLOAD_BYTES).all(|piece| {
            let mut frame = Vec::new();
            encode(kind, self.id, piece, &mut frame);
            self.out.try_send(self.conversation, frame)
        })
    }

    /// Sends the answer, the last frame.
    pub(crate) fn finish(&self, reply: Reply) {
        let done = match reply {
            Ok(answer) => Done::Ok(answer),
            Err(problem) => Done::Error(cut(problem)),
        };
        let payload = serde_json::to_vec(&done).expect("names and numbers");
        // A host that is gone needs no answer.
        let _ = self.send(Kind::Result, &payload);
    }

    /// This side is done with a connection.
    pub(crate) fn send_close(&self) -> Result<(), Over> {
        self.lock().has_sent_close = true;
        self.send(Kind::Close, &[])
    }

    /// Whether both sides are done with a connection.
    pub(crate) fn is_settled(&self) -> bool {
        let state = self.lock();
        state.is_closed && state.has_sent_close
    }

    /// Opens the channel from here.
    pub(crate) fn send_open(&self) -> Result<(), Over> {
        self.send(Kind::Open, &[])
    }

    fn take_credit(&self, wanted: usize) -> Result<usize, Over> {
        let mut state = self.lock();
        loop {
            if state.is_closed || state.is_left {
                return Err(Over);
            }
            if state.credit_bytes > 0 {
                let taken = wanted.min(state.credit_bytes);
                state.credit_bytes -= taken;
                return Ok(taken);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn send_credit(&self, bytes: usize) -> Result<(), Over> {
        let Ok(granted @ 1..) = u32::try_from(bytes) else { return Ok(()) };
        self.send(Kind::Credit, &granted.to_le_bytes())
    }

    fn send(&self, kind: Kind, payload: &[u8]) -> Result<(), Over> {
        let mut frame = Vec::new();
        encode(kind, self.id, payload, &mut frame);
        self.out.send(self.conversation, frame)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cut(problem: Problem) -> Problem {
    let short = |mut text: String| {
        if text.len() > MAX_PROBLEM_BYTES {
            let end = (0..=MAX_PROBLEM_BYTES).rev().find(|&at| text.is_char_boundary(at));
            text.truncate(end.unwrap_or(0));
        }
        text
    };
    match problem {
        Problem::Invalid(text) => Problem::Invalid(short(text)),
        Problem::Limit(text) => Problem::Limit(short(text)),
        Problem::Broken(text) => Problem::Broken(short(text)),
    }
}
