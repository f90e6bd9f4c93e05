//! The first and the last half of an output, however much there is.

use std::collections::VecDeque;

#[derive(Debug)]
pub(crate) struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    head_limit: usize,
    tail_limit: usize,
    total_bytes: u64,
}

impl Kept {
    pub(crate) fn new(limit_bytes: usize) -> Self {
        let head_limit = limit_bytes / 2;
        let tail_limit = limit_bytes - head_limit;
        Self { head: Vec::new(), tail: VecDeque::new(), head_limit, tail_limit, total_bytes: 0 }
    }

    pub(crate) fn push(&mut self, mut bytes: &[u8]) {
        self.total_bytes += bytes.len() as u64;
        let room = self.head_limit - self.head.len();
        let (first, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(first);
        bytes = rest;
        if bytes.len() >= self.tail_limit {
            self.tail.clear();
            bytes = &bytes[bytes.len() - self.tail_limit..];
        }
        let over = (self.tail.len() + bytes.len()).saturating_sub(self.tail_limit);
        self.tail.drain(..over);
        self.tail.extend(bytes);
    }

    /// What is kept, and how much is not.
    pub(crate) fn finish(self) -> (Vec<u8>, u64) {
        let mut kept = self.head;
        kept.extend(self.tail);
        let omitted = self.total_bytes - kept.len() as u64;
        (kept, omitted)
    }
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;
