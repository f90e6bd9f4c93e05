//! The number of an event in a response's stream.
//!
//! Invariant: numbers grow within a stream, and an event has the same number on every connection, so
//! that a stream can be resumed behind any event. Numbers are not consecutive: a number holds where
//! its event stands, which is a place in the journal and, for what is still being written, how far.

/// Bits for an event's position behind an entry.
const ENTRY_BITS: u32 = 31;
/// Set for what is still being written.
const LIVE_BIT: u64 = 1 << 30;
/// Bits for a position within an output.
const TEXT_BITS: u32 = 24;
/// The most outputs of one answer that are shown while they are written.
pub(crate) const MAX_LIVE_OUTPUTS: u32 = (1 << (30 - TEXT_BITS)) - 1;
/// The most bytes of one output that are shown while it is written.
pub(crate) const MAX_LIVE_BYTES: usize = (1 << TEXT_BITS) - 4;

/// Where an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(u64);

/// How far an output that is being written was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reach {
    /// The output's position in its answer.
    pub(crate) output: u32,
    /// 1 once it is announced, 2 once its part is, then 2 and the bytes of its text.
    pub(crate) steps: u32,
}

impl Place {
    /// The event at this index behind the entry that stands `offset` behind the response's first.
    pub(crate) fn entry(offset: u64, index: usize) -> Self {
        let index = u64::try_from(index).unwrap_or(LIVE_BIT - 1).min(LIVE_BIT - 1);
        Self((offset << ENTRY_BITS) | index)
    }

    /// An event of something that is being written.
    pub(crate) fn live(offset: u64, reach: Reach) -> Self {
        let output = u64::from(reach.output.min(MAX_LIVE_OUTPUTS)) << TEXT_BITS;
        Self((offset << ENTRY_BITS) | LIVE_BIT | output | u64::from(reach.steps))
    }

    pub(crate) fn of_number(number: u64) -> Self {
        Self(number)
    }

    pub(crate) fn number(self) -> u64 {
        self.0
    }

    /// How far the entry it stands behind is from the response's first.
    pub(crate) fn offset(self) -> u64 {
        self.0 >> ENTRY_BITS
    }

    /// How far what was being written had been shown.
    pub(crate) fn reach(self) -> Option<Reach> {
        let is_live = self.0 & LIVE_BIT != 0;
        let inner = self.0 & (LIVE_BIT - 1);
        let output = u32::try_from(inner >> TEXT_BITS).ok()?;
        let steps = u32::try_from(inner & ((1 << TEXT_BITS) - 1)).ok()?;
        is_live.then_some(Reach { output, steps })
    }
}
