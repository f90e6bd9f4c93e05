//! Events in the making, and how they get their ids and numbers.
//!
//! Invariant: an event with a place has the same id and number on every connection, also where the
//! connection leaves it out.

use mainstay_protocol::Seq;

use super::place::FeedPlace;
use crate::openai::wire::{Event, EventBody, Resume};

/// An event as one connection shows it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shown {
    /// The event.
    pub(crate) event: Event,
    /// Whether a stream can begin behind it.
    pub(crate) resume: Resume,
}

/// The events of one entry or delta, in order.
#[derive(Debug, Default)]
pub(super) struct Pieces(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    /// An event with a place.
    Kept(EventBody),
    /// The place of an event that this connection has shown.
    Counted,
    /// An event without a place.
    Fleeting(String, EventBody),
}

impl Pieces {
    /// An event with a place.
    pub(super) fn keep(&mut self, body: EventBody) {
        self.0.push(Piece::Kept(body));
    }

    /// An event with a place, if there is one.
    pub(super) fn keep_some(&mut self, body: Option<EventBody>) {
        self.0.extend(body.map(Piece::Kept));
    }

    /// The place of an event that was shown already.
    pub(super) fn count(&mut self) {
        self.0.push(Piece::Counted);
    }

    /// An event without a place.
    pub(super) fn fleeting(&mut self, event_id: String, body: EventBody) {
        self.0.push(Piece::Fleeting(event_id, body));
    }

    fn placed_count(&self) -> usize {
        self.0.iter().filter(|piece| !matches!(piece, Piece::Fleeting(..))).count()
    }
}

/// Numbers the events of one connection.
#[derive(Debug)]
pub(super) struct Numbering {
    /// Events before this place were seen on an earlier connection.
    seen: FeedPlace,
    /// The last event with a place.
    last: FeedPlace,
}

impl Numbering {
    pub(super) fn behind(seen: FeedPlace) -> Self {
        Self { seen, last: seen }
    }

    /// The last event with a place.
    pub(super) fn last(&self) -> FeedPlace {
        self.last
    }

    /// The events of the entry at `seq`, without those seen before.
    pub(super) fn place(&mut self, seq: Seq, pieces: Pieces) -> Vec<Shown> {
        let count = pieces.placed_count();
        let mut shown = Vec::with_capacity(pieces.0.len());
        let mut index = 0;
        for piece in pieces.0 {
            let body = match piece {
                Piece::Fleeting(event_id, body) => {
                    shown.push(self.fleeting(event_id, body));
                    continue;
                }
                Piece::Kept(body) => Some(body),
                Piece::Counted => None,
            };
            let (place, resume) = FeedPlace::of_event(seq, index, count);
            self.last = self.last.max(place);
            if let Some(body) = body.filter(|_| !self.seen.is_behind_event(seq, index)) {
                let event_id = format!("evt_{seq:x}_{index}");
                let sequence_number = place.sequence_number();
                shown.push(Shown { event: Event { event_id, sequence_number, body }, resume });
            }
            index += 1;
        }
        shown
    }

    /// The events of a delta.
    pub(super) fn place_fleeting(&mut self, pieces: Pieces) -> Vec<Shown> {
        self.place(self.last.seq(), pieces)
    }

    fn fleeting(&self, event_id: String, body: EventBody) -> Shown {
        let sequence_number = self.last.sequence_number();
        Shown { event: Event { event_id, sequence_number, body }, resume: Resume::Never }
    }
}
