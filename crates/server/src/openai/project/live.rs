//! What one connection shows of a model's answer before the entry that keeps it.
//!
//! Invariant: only the open attempt's items are shown, from their beginning and without a hole; an
//! item that was begun is either taken over by its entry or ended as incomplete. Deliberately
//! absent: arguments of tool calls, which clients get whole.

use std::collections::BTreeMap;

use mainstay_core::port::PartKind;
use mainstay_protocol::{EffectId, ItemId, Seq, TurnId};
use mainstay_runtime::Delta;

use super::item;
use super::pieces::Pieces;
use crate::openai::wire::{self, BrokenOff, EventBody, ItemStatus, Place};

/// The open model call and what is shown of it.
#[derive(Debug, Default)]
pub(super) struct Live {
    model: Option<OpenModel>,
    shown: BTreeMap<ItemId, LiveItem>,
}

#[derive(Debug)]
struct OpenModel {
    effect: EffectId,
    seq: Seq,
    /// How the ids of this attempt's items begin.
    prefix: String,
}

#[derive(Debug)]
struct LiveItem {
    turn: TurnId,
    output_index: u32,
    kind: PartKind,
    /// How much of its text is shown.
    len_bytes: usize,
}

impl Live {
    /// A model is asked by the entry at `seq`.
    pub(super) fn begin(&mut self, effect: &EffectId, seq: Seq) {
        self.model = Some(OpenModel { effect: effect.clone(), seq, prefix: prefix(seq, 1) });
    }

    /// Another attempt begins: what the one before wrote is void.
    pub(super) fn attempt(
        &mut self,
        session_id: &str,
        effect: &EffectId,
        attempt: u32,
        out: &mut Pieces,
    ) {
        if let Some(model) = self.model.as_mut().filter(|model| model.effect == *effect) {
            model.prefix = prefix(model.seq, attempt);
            self.discard(session_id, out);
        }
    }

    /// An attempt failed: what it wrote is void.
    pub(super) fn failed(
        &mut self,
        session_id: &str,
        effect: &EffectId,
        is_last: bool,
        out: &mut Pieces,
    ) {
        if self.model.as_ref().is_none_or(|model| model.effect != *effect) {
            return;
        }
        self.discard(session_id, out);
        if is_last {
            self.model = None;
        }
    }

    /// The model answered: what is shown of its items, and an end for what is not among them.
    pub(super) fn answered(
        &mut self,
        session_id: &str,
        items: &[mainstay_core::item::Item],
        out: &mut Pieces,
    ) -> BTreeMap<ItemId, usize> {
        self.model = None;
        let mut kept = BTreeMap::new();
        for item in items {
            if let Some(shown) = self.shown.remove(&item.id) {
                kept.insert(item.id.clone(), shown.len_bytes);
            }
        }
        self.discard(session_id, out);
        kept
    }

    /// Shows a piece, unless it is late, or a piece before it was missed.
    pub(super) fn delta(&mut self, session_id: &str, delta: &Delta, out: &mut Pieces) {
        let is_open =
            self.model.as_ref().is_some_and(|model| delta.item.as_str().starts_with(&model.prefix));
        if !is_open || delta.kind == PartKind::Arguments {
            return;
        }
        if !self.shown.contains_key(&delta.item) {
            if delta.offset != 0 {
                return;
            }
            let item = LiveItem {
                turn: delta.turn.clone(),
                output_index: delta.output_index,
                kind: delta.kind,
                len_bytes: 0,
            };
            item.added(session_id, &delta.item, out);
            self.shown.insert(delta.item.clone(), item);
        }
        let Some(item) = self.shown.get_mut(&delta.item) else { return };
        // A piece that overlaps what is shown brings the rest of itself only.
        let Some(skip) = item.len_bytes.checked_sub(delta.offset) else { return };
        let Some(text) = delta.text.get(skip..).filter(|text| !text.is_empty()) else { return };
        let from = item.len_bytes;
        item.len_bytes += text.len();
        let id = format!("evt_{}_{from}_{}", delta.item, item.len_bytes);
        out.fleeting(id, delta_body(&item.place(session_id, &delta.item), item.kind, text));
    }

    fn discard(&mut self, session_id: &str, out: &mut Pieces) {
        for (id, item) in std::mem::take(&mut self.shown) {
            item.discarded(session_id, &id, out);
        }
    }
}

fn prefix(seq: Seq, attempt: u32) -> String {
    format!("item_{seq:x}_{attempt}_")
}

/// A piece of a text or of a reasoning summary.
pub(super) fn delta_body(place: &Place, kind: PartKind, text: &str) -> EventBody {
    match kind {
        PartKind::Reasoning => EventBody::summary_delta(place, 0, text),
        PartKind::Text | PartKind::Arguments => EventBody::text_delta(place, 0, text),
    }
}

impl LiveItem {
    fn place(&self, session_id: &str, id: &ItemId) -> Place {
        Place {
            session_id: session_id.to_owned(),
            turn_id: self.turn.to_string(),
            item_id: id.to_string(),
            output_index: self.output_index,
        }
    }

    fn show(&self, id: &ItemId, status: ItemStatus) -> wire::Item {
        let (id, turn) = (id.as_str(), self.turn.as_str());
        match self.kind {
            PartKind::Reasoning => item::reasoning(id, turn, None, status),
            PartKind::Text | PartKind::Arguments => {
                item::assistant_message(id, turn, None, status, None)
            }
        }
    }

    fn added(&self, session_id: &str, id: &ItemId, out: &mut Pieces) {
        let begun = self.show(id, ItemStatus::InProgress);
        let body = EventBody::item_added(session_id, begun, Some(self.output_index));
        out.fleeting(format!("evt_{id}_added"), body);
        let place = self.place(session_id, id);
        let part = match self.kind {
            PartKind::Reasoning => EventBody::summary_part_added(&place, 0),
            PartKind::Text | PartKind::Arguments => EventBody::content_part_added(&place, 0),
        };
        out.fleeting(format!("evt_{id}_part"), part);
    }

    fn discarded(&self, session_id: &str, id: &ItemId, out: &mut Pieces) {
        if self.kind == PartKind::Reasoning {
            let place = self.place(session_id, id);
            let body = EventBody::summary_part_done(&place, 0, "", Some(BrokenOff::Incomplete));
            out.fleeting(format!("evt_{id}_part_discarded"), body);
        }
        let body = EventBody::item_done(
            session_id,
            self.show(id, ItemStatus::Incomplete),
            self.output_index,
        );
        out.fleeting(format!("evt_{id}_discarded"), body);
    }
}
