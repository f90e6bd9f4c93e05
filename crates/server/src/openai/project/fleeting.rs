//! What a connection shows beside entries: text that is being written, output that is being printed.
//!
//! Invariant: none of it has a place in the feed; the entry that keeps it repeats all of it.

use mainstay_runtime::{Delta, OutputDelta};

use super::feed::EventFold;
use super::pieces::{Pieces, Shown};

impl EventFold {
    /// The events of a piece of an answer that is still being written.
    pub(crate) fn delta(&mut self, delta: &Delta) -> Vec<Shown> {
        let mut out = Pieces::default();
        self.live.delta(&self.session_id, delta, &mut out);
        self.numbering.place_fleeting(out)
    }

    /// The events of a piece of what a tool prints.
    pub(crate) fn output(&mut self, output: &OutputDelta) -> Vec<Shown> {
        let mut out = Pieces::default();
        if let Some(call) = self.calls.get(&output.call_id) {
            self.printed.delta(&self.session_id, call, output, &mut out);
        }
        self.numbering.place_fleeting(out)
    }
}
