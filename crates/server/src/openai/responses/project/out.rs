//! The events of one entry in the making.
//!
//! Invariant: an event has the same number on every connection, also where the connection leaves it
//! out because it was seen.

use serde_json::{Value, json};

use super::place::{Place, Reach};

/// Events in the making.
pub(crate) struct Out {
    /// How far the entry is from the response's first.
    offset: u64,
    index: usize,
    seen: Option<Place>,
    events: Vec<Value>,
}

impl Out {
    pub(crate) fn new(offset: u64, seen: Option<Place>) -> Self {
        Self { offset, index: 0, seen, events: Vec::new() }
    }

    /// An event of the entry.
    pub(crate) fn push(&mut self, kind: &str, members: Value) {
        let place = Place::entry(self.offset, self.index);
        self.index += 1;
        self.put(place, kind, members);
    }

    /// The place of an event that was shown already.
    pub(crate) fn count(&mut self) {
        self.index += 1;
    }

    /// An event of what is being written since the entry at `offset`.
    pub(crate) fn live(&mut self, offset: u64, reach: Reach, kind: &str, members: Value) {
        self.put(Place::live(offset, reach), kind, members);
    }

    fn put(&mut self, place: Place, kind: &str, mut members: Value) {
        if self.seen.is_some_and(|seen| place <= seen) {
            return;
        }
        members["type"] = kind.into();
        members["sequence_number"] = json!(place.number());
        self.events.push(members);
    }

    pub(crate) fn into_events(self) -> Vec<Value> {
        self.events
    }
}

impl Out {
    /// How many bytes of an output, being written since the entry at `offset`, the connection before
    /// had seen.
    pub(crate) fn seen_bytes(&self, offset: u64, output: u32) -> usize {
        let seen = self.seen.filter(|seen| seen.offset() == offset);
        let reach = seen.and_then(Place::reach).filter(|reach| reach.output == output);
        reach.map_or(0, |reach| usize::try_from(reach.steps.saturating_sub(2)).unwrap_or(0))
    }
}
