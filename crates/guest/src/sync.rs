//! How both sides find the first frame of a conversation, whatever was under way before it.
//!
//! A host may vanish in the middle of a frame, and another one connect to the same port. So a host begins
//! with as many zeros as end any frame, and a hello; a guest answers with a mark and the host's nonce,
//! and the host discards everything before them. Invariant: an honest guest's mark cannot come by
//! accident, because the nonce is fresh.

use crate::frame::{HEADER_BYTES, Kind, MAX_PAYLOAD_BYTES, encode};
use crate::message::{Hello, Welcome};

/// Length of a nonce.
pub const NONCE_BYTES: usize = 16;

const MARK: [u8; 8] = *b"MAINSTAY";
const SIGN_BYTES: usize = MARK.len() + NONCE_BYTES;

/// What the host sends first.
#[must_use]
pub fn greeting(hello: &Hello) -> Vec<u8> {
    let mut out = vec![0; HEADER_BYTES + MAX_PAYLOAD_BYTES];
    let payload = serde_json::to_vec(hello).expect("a number and an array");
    encode(Kind::Hello, 0, &payload, &mut out);
    out
}

/// What the guest answers.
#[must_use]
pub fn welcoming(hello: &Hello, welcome: &Welcome) -> Vec<u8> {
    let mut out = sign(&hello.nonce).to_vec();
    let payload = serde_json::to_vec(welcome).expect("numbers and short texts");
    encode(Kind::Welcome, 0, &payload, &mut out);
    out
}

fn sign(nonce: &[u8; NONCE_BYTES]) -> [u8; SIGN_BYTES] {
    let mut sign = [0; SIGN_BYTES];
    sign[..MARK.len()].copy_from_slice(&MARK);
    sign[MARK.len()..].copy_from_slice(nonce);
    sign
}

/// Looks for the guest's answer in what comes.
#[derive(Debug)]
pub struct Seeker {
    sign: [u8; SIGN_BYTES],
    last: Vec<u8>,
    discarded_bytes: usize,
}

impl Seeker {
    /// For the answer to this nonce.
    #[must_use]
    pub fn new(nonce: &[u8; NONCE_BYTES]) -> Self {
        Self { sign: sign(nonce), last: Vec::new(), discarded_bytes: 0 }
    }

    /// Takes what came. When the sign is found: what came behind it.
    #[must_use]
    pub fn push(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        self.last.extend_from_slice(bytes);
        let found = self.last.windows(SIGN_BYTES).position(|window| window == self.sign);
        if let Some(at) = found {
            self.discarded_bytes += at;
            return Some(self.last.split_off(at + SIGN_BYTES));
        }
        let over = self.last.len().saturating_sub(SIGN_BYTES - 1);
        self.discarded_bytes += over;
        self.last.drain(..over);
        None
    }

    /// How much came that is of no conversation.
    #[must_use]
    pub fn discarded_bytes(&self) -> usize {
        self.discarded_bytes
    }
}

#[cfg(test)]
#[path = "sync_tests.rs"]
mod tests;
