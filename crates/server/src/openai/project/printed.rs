//! What one connection shows of the output of calls that are under way.
//!
//! Invariant: a call's pieces come in order and without a hole, and only between its beginning and its
//! end; what a new attempt prints comes behind what an earlier one printed. Deliberately absent: the
//! outcome, which the call's item brings whole.

use std::collections::BTreeMap;

use mainstay_protocol::CallId;
use mainstay_runtime::OutputDelta;

use super::call::{CallEnd, CallView};
use super::pieces::Pieces;
use crate::openai::wire::{EventBody, Place};

/// How much of each open call's output is shown.
#[derive(Debug, Default)]
pub(super) struct Printed {
    calls: BTreeMap<CallId, Shown>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Shown {
    attempt: u32,
    len_bytes: usize,
}

impl Printed {
    /// Shows a piece, unless it is late, or a piece before it was missed.
    pub(super) fn delta(
        &mut self,
        session_id: &str,
        call: &CallView,
        delta: &OutputDelta,
        out: &mut Pieces,
    ) {
        let shown = self.calls.entry(delta.call_id.clone()).or_default();
        if delta.attempt < shown.attempt {
            return;
        }
        if delta.attempt > shown.attempt {
            *shown = Shown { attempt: delta.attempt, len_bytes: 0 };
        }
        // A piece that overlaps what is shown brings the rest of itself only.
        let Some(skip) = shown.len_bytes.checked_sub(delta.offset) else { return };
        let Some(text) = delta.text.get(skip..).filter(|text| !text.is_empty()) else { return };
        let from = shown.len_bytes;
        shown.len_bytes += text.len();
        let (item, attempt, to) = (&call.item_id, delta.attempt, shown.len_bytes);
        let place = Place {
            session_id: session_id.to_owned(),
            turn_id: call.turn.to_string(),
            item_id: item.to_string(),
            output_index: call.output_index,
        };
        let id = format!("evt_{item}_out{attempt}_{from}_{to}");
        out.fleeting(id, EventBody::command_output_delta(&place, text));
    }

    /// A call ended.
    pub(super) fn ended(&mut self, end: &CallEnd) {
        self.calls.remove(&end.call_id);
    }

    /// A turn ended: nothing is under way any more.
    pub(super) fn clear(&mut self) {
        self.calls.clear();
    }
}
