//! The ends of recently written journals, so that a stale commit is refused without a look at the
//! disk.
//!
//! Invariant: a head in here is what the open transaction (or, between groups, the file) holds; a
//! group that fails takes its heads with it. Bounded: of two generations the older is dropped when
//! the younger is full.

use std::collections::HashMap;

use mainstay_protocol::{Hash, JournalId, Seq};

/// How many heads one generation holds.
const GENERATION_LIMIT_COUNT: usize = 1024;

/// The end of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// The journal's number in the file; none before its first entry, snapshot or blob.
    pub(super) number: Option<i64>,
    pub(super) seq: Seq,
    pub(super) hash: Hash,
}

impl Head {
    pub(super) const EMPTY: Self = Self { number: None, seq: 0, hash: Hash::ZERO };
}

#[derive(Debug, Default)]
pub(super) struct Heads {
    young: HashMap<JournalId, Head>,
    old: HashMap<JournalId, Head>,
}

impl Heads {
    pub(super) fn get(&mut self, journal: &JournalId) -> Option<Head> {
        if let Some(head) = self.young.get(journal) {
            return Some(*head);
        }
        let (journal, head) = self.old.remove_entry(journal)?;
        self.put(journal, head);
        Some(head)
    }

    pub(super) fn put(&mut self, journal: JournalId, head: Head) {
        if self.young.len() >= GENERATION_LIMIT_COUNT {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(journal, head);
    }

    pub(super) fn forget(&mut self, journal: &JournalId) {
        self.young.remove(journal);
        self.old.remove(journal);
    }
}

#[cfg(test)]
#[path = "heads_tests.rs"]
mod tests;
