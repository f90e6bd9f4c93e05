//! Verification of a journal's hash chain, entry by entry.

use mainstay_protocol::{ChainError, Entry, Hash, Seq};

/// A chain as far as it was verified.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chain {
    head: Head,
}

/// The end of a verified chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// The last entry's position.
    pub(crate) seq: Seq,
    /// Its hash: whoever keeps it can tell later whether anything before it was changed.
    pub(crate) hash: Hash,
}

impl Chain {
    /// A chain of nothing.
    pub(crate) fn new() -> Self {
        Self { head: Head { seq: 0, hash: Hash::ZERO } }
    }

    /// Checks the next entry.
    pub(crate) fn push(&mut self, entry: &Entry) -> Result<(), ChainError> {
        entry.verify_after(self.head.seq, self.head.hash)?;
        self.head = Head { seq: entry.seq, hash: entry.hash };
        Ok(())
    }

    /// The end of what was verified.
    pub(crate) fn head(&self) -> Head {
        self.head
    }
}
