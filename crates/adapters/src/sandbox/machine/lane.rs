//! One channel, as the host keeps it.
//!
//! Invariant: what came and was not taken is at most a window of data, a few pieces of shown output, and
//! one result.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use mainstay_core::port::OutputStream;
use mainstay_guest::{Reply, WINDOW_BYTES};
use tokio::sync::{Notify, OwnedSemaphorePermit};

/// Shown output that nobody took yet; what is more is not shown.
const MAX_SHOWN_BYTES: usize = 64 * 1024;
const MAX_SHOWN_COUNT: usize = 64;

/// Who opened it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opener {
    Host,
    Guest,
}

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) id: u32,
    pub(super) opener: Opener,
    state: Mutex<State>,
    /// Something came.
    arrived: Notify,
    /// Credit came.
    granted: Notify,
    _permit: OwnedSemaphorePermit,
}

#[derive(Debug, Default)]
struct State {
    data: BytesMut,
    /// Taken, and not yet paid back.
    owed_bytes: usize,
    has_ended: bool,
    is_closed: bool,
    is_abandoned: bool,
    has_sent_close: bool,
    credit_bytes: usize,
    shown: VecDeque<(OutputStream, BytesMut)>,
    shown_bytes: usize,
    /// Whether some was not shown: then nothing behind it is, so that what is shown has no hole.
    has_missed: bool,
    result: Option<Reply>,
    has_result: bool,
}

/// What came on a lane.
#[derive(Debug)]
pub(super) enum Arrival {
    Shown(OutputStream, Bytes),
    /// Data, and how much credit is to be granted for it now.
    Data(Bytes, usize),
    /// There will be no more data.
    End,
    Result(Reply),
}

impl Lane {
    pub(super) fn new(id: u32, opener: Opener, permit: OwnedSemaphorePermit) -> Self {
        let state = State { credit_bytes: WINDOW_BYTES, ..State::default() };
        Self {
            id,
            opener,
            state: Mutex::new(state),
            arrived: Notify::new(),
            granted: Notify::new(),
            _permit: permit,
        }
    }

    // What the reader of frames does. An error says what the guest did wrong.

    pub(super) fn data(&self, payload: &[u8]) -> Result<(), &'static str> {
        let mut state = self.lock();
        if state.has_ended || state.is_closed {
            return Err("data behind its end");
        }
        if state.data.len() + state.owed_bytes + payload.len() > WINDOW_BYTES {
            return Err("data without credit");
        }
        if state.is_abandoned {
            state.owed_bytes += payload.len();
            return Ok(());
        }
        state.data.extend_from_slice(payload);
        self.arrived.notify_one();
        Ok(())
    }

    pub(super) fn end(&self) -> Result<(), &'static str> {
        let mut state = self.lock();
        if state.has_ended {
            return Err("a second end");
        }
        state.has_ended = true;
        self.arrived.notify_one();
        Ok(())
    }

    pub(super) fn credit(&self, bytes: usize) -> Result<(), &'static str> {
        let mut state = self.lock();
        state.credit_bytes = state.credit_bytes.saturating_add(bytes);
        if state.credit_bytes > WINDOW_BYTES {
            return Err("more credit than a window");
        }
        self.granted.notify_one();
        Ok(())
    }

    pub(super) fn show(&self, stream: OutputStream, payload: &[u8]) {
        let mut state = self.lock();
        if state.is_abandoned || state.has_missed {
            return;
        }
        if state.shown_bytes + payload.len() > MAX_SHOWN_BYTES {
            state.has_missed = true;
            return;
        }
        let count = state.shown.len();
        match state.shown.back_mut() {
            Some((last, piece)) if *last == stream => piece.extend_from_slice(payload),
            _ if count >= MAX_SHOWN_COUNT => {
                state.has_missed = true;
                return;
            }
            _ => state.shown.push_back((stream, BytesMut::from(payload))),
        }
        state.shown_bytes += payload.len();
        self.arrived.notify_one();
    }

    pub(super) fn result(&self, reply: Reply) {
        {
            let mut state = self.lock();
            state.result = Some(reply);
            state.has_result = true;
        }
        self.arrived.notify_one();
        self.granted.notify_one();
    }

    /// The guest is done with a connection that it opened.
    pub(super) fn close(&self) -> Result<(), &'static str> {
        let mut state = self.lock();
        if state.is_closed {
            return Err("a second close");
        }
        state.is_closed = true;
        state.has_ended = true;
        self.arrived.notify_one();
        self.granted.notify_one();
        Ok(())
    }

    // What whoever owns the lane does.

    /// Nobody takes what comes any more.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        state.is_abandoned = true;
        state.owed_bytes += state.data.len();
        state.data = BytesMut::new();
        state.shown.clear();
    }

    /// Notes that the host has closed it; false when it had before.
    pub(super) fn mark_closed(&self) -> bool {
        !std::mem::replace(&mut self.lock().has_sent_close, true)
    }

    /// Whether both sides have closed it.
    pub(super) fn is_gone(&self) -> bool {
        let state = self.lock();
        state.is_closed && state.has_sent_close
    }

    /// Waits for what comes next. Cancelling it loses nothing.
    pub(super) async fn next(&self) -> Arrival {
        loop {
            let arrived = self.arrived.notified();
            if let Some(arrival) = self.take() {
                return arrival;
            }
            arrived.await;
        }
    }

    /// Waits until the guest is done with it.
    pub(super) async fn closed(&self) {
        loop {
            let arrived = self.arrived.notified();
            if self.lock().is_closed {
                return;
            }
            arrived.await;
        }
    }

    fn take(&self) -> Option<Arrival> {
        let mut state = self.lock();
        if let Some((stream, piece)) = state.shown.pop_front() {
            state.shown_bytes -= piece.len();
            return Some(Arrival::Shown(stream, piece.freeze()));
        }
        if !state.data.is_empty() {
            let piece = state.data.split().freeze();
            state.owed_bytes += piece.len();
            let granted = if state.owed_bytes >= WINDOW_BYTES / 2 {
                std::mem::take(&mut state.owed_bytes)
            } else {
                0
            };
            return Some(Arrival::Data(piece, granted));
        }
        if let Some(reply) = state.result.take() {
            return Some(Arrival::Result(reply));
        }
        state.has_ended.then_some(Arrival::End)
    }

    /// Waits for credit and takes at most so much of it; none when the guest wants no more.
    pub(super) async fn take_credit(&self, wanted: usize) -> Option<usize> {
        loop {
            let granted = self.granted.notified();
            {
                let mut state = self.lock();
                if state.has_result || state.is_closed {
                    return None;
                }
                if state.credit_bytes > 0 {
                    let taken = wanted.min(state.credit_bytes);
                    state.credit_bytes -= taken;
                    return Some(taken);
                }
            }
            granted.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
