//! What a tool prints while it runs, on its way to followers.
//!
//! Invariant: what is shown of an attempt begins with what the tool showed first, is cut at the
//! boundaries of characters, and is never longer than [`SHOWN_LIMIT_BYTES`]; it is kept whole until the
//! attempt ends, so that a follower who comes late or falls behind is given it from its beginning. Deliberately absent:
//! the outcome, which is an entry.

use std::sync::{Arc, Mutex};

use mainstay_core::port::{OutputSink, OutputStream, ToolCall};
use mainstay_protocol::{CallId, EffectId, SessionId};

use crate::engine::Inner;

/// The most that followers are shown of one attempt before its outcome.
pub(super) const SHOWN_LIMIT_BYTES: usize = 256 * 1024;

/// A piece of what a tool prints while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputDelta {
    /// The call as the model named it.
    pub call_id: CallId,
    /// Its effect.
    pub effect: EffectId,
    /// The attempt that printed it; what an earlier one printed is void.
    pub attempt: u32,
    /// The text.
    pub text: String,
    /// Bytes of the attempt's text before this piece.
    pub offset: usize,
}

/// Shows what one attempt of a call prints, until it is dropped.
pub(crate) struct LiveCall {
    shared: Arc<Shared>,
}

struct Shared {
    inner: Arc<Inner>,
    session: SessionId,
    call_id: CallId,
    effect: EffectId,
    attempt: u32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    stdout: Characters,
    stderr: Characters,
    is_over: bool,
}

impl LiveCall {
    pub(crate) fn new(inner: Arc<Inner>, session: &SessionId, call: &ToolCall) -> Self {
        let shared = Shared {
            inner,
            session: session.clone(),
            call_id: call.call_id.clone(),
            effect: call.effect.clone(),
            attempt: call.attempt,
            state: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Where the tool writes.
    pub(crate) fn sink(&self) -> OutputSink {
        let shared = Arc::clone(&self.shared);
        Arc::new(move |stream, bytes| shared.print(stream, bytes))
    }
}

impl Drop for LiveCall {
    fn drop(&mut self) {
        // A tool may hold the sink for longer: what it writes then is nobody's any more.
        let mut state = self.shared.state();
        state.is_over = true;
        self.shared.inner.hubs.settle_output(&self.shared.session, &self.shared.effect);
    }
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no code panics while it holds what a call prints")
    }

    fn print(&self, stream: OutputStream, bytes: &[u8]) {
        let mut state = self.state();
        if state.is_over {
            return;
        }
        let text = match stream {
            OutputStream::Stdout => state.stdout.push(bytes),
            OutputStream::Stderr => state.stderr.push(bytes),
        };
        if text.is_empty() {
            return;
        }
        // Handed on under the lock: two pieces keep their order.
        self.inner.hubs.output(
            &self.session,
            OutputDelta {
                call_id: self.call_id.clone(),
                effect: self.effect.clone(),
                attempt: self.attempt,
                text,
                offset: 0,
            },
        );
    }
}

/// Bytes as characters: one that is not whole yet waits for its rest, what is none is U+FFFD.
#[derive(Debug, Default)]
pub(crate) struct Characters {
    /// The beginning of a character.
    rest: Vec<u8>,
}

impl Characters {
    /// What of these bytes, and of those before, are whole characters now.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        self.rest.extend_from_slice(bytes);
        let mut text = String::new();
        let mut from = 0;
        loop {
            match std::str::from_utf8(&self.rest[from..]) {
                Ok(valid) => {
                    text.push_str(valid);
                    from = self.rest.len();
                    break;
                }
                Err(error) => {
                    let valid = from + error.valid_up_to();
                    text.push_str(&String::from_utf8_lossy(&self.rest[from..valid]));
                    from = valid;
                    let Some(wrong) = error.error_len() else { break };
                    text.push(char::REPLACEMENT_CHARACTER);
                    from += wrong;
                }
            }
        }
        self.rest.drain(..from);
        text
    }
}

/// As much of a text as fits, at the boundary of a character.
pub(super) fn fitting(text: &str, room_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(room_bytes)]
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
