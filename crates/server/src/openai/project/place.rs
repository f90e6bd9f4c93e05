//! An event's number in its session's feed.
//!
//! Invariant: numbers grow; the number of an entry's last event stands behind all of its events, and
//! a stream that begins behind any number misses nothing. An entry has numbers for 100 events; the
//! few entries that make more share one number for the surplus, which no stream can begin behind.

use mainstay_protocol::Seq;
use mainstay_runtime::FollowFrom;

use crate::openai::wire::Resume;

/// Numbers that an entry's events have.
const NUMBERS_PER_ENTRY: u64 = 100;
/// The number, within its entry, behind which nothing of the entry follows.
const LAST_NUMBER: u64 = NUMBERS_PER_ENTRY - 1;

/// A position between two events of a feed: behind the event with this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FeedPlace {
    seq: Seq,
    number: u64,
}

impl FeedPlace {
    /// Behind the event with this number.
    pub(crate) fn behind(sequence_number: u64) -> Self {
        Self {
            seq: sequence_number / NUMBERS_PER_ENTRY,
            number: sequence_number % NUMBERS_PER_ENTRY,
        }
    }

    /// Behind every event of an entry.
    pub(crate) fn behind_entry(seq: Seq) -> Self {
        Self { seq, number: LAST_NUMBER }
    }

    /// The number of an entry's event, and whether a stream can begin behind it.
    pub(crate) fn of_event(seq: Seq, index: usize, count: usize) -> (Self, Resume) {
        let index = index as u64;
        let is_last = index + 1 == count as u64;
        if index >= LAST_NUMBER && !is_last {
            return (Self { seq, number: LAST_NUMBER - 1 }, Resume::Never);
        }
        (Self { seq, number: index.min(LAST_NUMBER) }, Resume::After)
    }

    /// Whether an entry's event comes before this place. `index` is its true index.
    pub(crate) fn is_behind_event(self, seq: Seq, index: usize) -> bool {
        let is_within = self.number == LAST_NUMBER || index as u64 <= self.number;
        seq < self.seq || (seq == self.seq && is_within)
    }

    /// The number that streams name.
    pub(crate) fn sequence_number(self) -> u64 {
        self.seq * NUMBERS_PER_ENTRY + self.number
    }

    /// The entry that this place is within or behind.
    pub(crate) fn seq(self) -> Seq {
        self.seq
    }

    /// The last entry that need not be read again to go on from here.
    pub(crate) fn done_seq(self) -> Seq {
        if self.number == LAST_NUMBER { self.seq } else { self.seq.saturating_sub(1) }
    }

    /// Where the journal is followed from.
    pub(crate) fn follow_from(self) -> FollowFrom {
        FollowFrom::After(self.done_seq())
    }
}

#[cfg(test)]
#[path = "place_tests.rs"]
mod tests;
