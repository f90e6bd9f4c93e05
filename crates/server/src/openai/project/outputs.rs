//! The events of a model's reply.
//!
//! Invariant: the same events in the same order whatever was shown before; what a connection has
//! shown already is counted and left out. Deliberately absent: tool calls, which are shown when it is
//! decided what becomes of them.

use std::collections::BTreeMap;

use mainstay_core::item::{Item, ItemBody};
use mainstay_core::port::{PartKind, StopReason};
use mainstay_protocol::ItemId;

use super::item::{self, ReplyView};
use super::live::delta_body;
use super::pieces::Pieces;
use crate::openai::wire::{EventBody, ItemStatus, Place};

/// A reply to be shown.
pub(super) struct Reply<'a> {
    pub(super) session_id: &'a str,
    pub(super) items: &'a [Item],
    pub(super) stop: StopReason,
    /// Whether the user spoke while the model wrote.
    pub(super) is_steered: bool,
    /// How many bytes of which items this connection has shown.
    pub(super) shown: BTreeMap<ItemId, usize>,
}

impl Reply<'_> {
    pub(super) fn show(&self, out: &mut Pieces) {
        let view = ReplyView::of(self.items, self.stop, self.is_steered);
        for (index, item) in self.items.iter().enumerate() {
            match &item.body {
                ItemBody::AssistantMessage { text } => self.message(item, text, view, index, out),
                ItemBody::Reasoning { summary, .. } => {
                    self.reasoning(item, summary, view.status(index), out);
                }
                ItemBody::UserMessage { .. }
                | ItemBody::DeveloperMessage { .. }
                | ItemBody::Foreign { .. }
                | ItemBody::ToolCall { .. }
                | ItemBody::ToolOutput { .. }
                | ItemBody::Summary { .. } => {}
            }
        }
    }

    fn message(&self, item: &Item, text: &str, view: ReplyView, index: usize, out: &mut Pieces) {
        let (id, turn) = (item.id.as_str(), item.turn.as_str());
        let place = self.place(item);
        let begun = item::assistant_message(id, turn, None, ItemStatus::InProgress, None);
        self.unless_shown(
            item,
            EventBody::item_added(self.session_id, begun, item.output_index),
            out,
        );
        self.unless_shown(item, EventBody::content_part_added(&place, 0), out);
        self.rest(item, PartKind::Text, text, out);
        out.keep(EventBody::text_done(&place, 0, text));
        out.keep(EventBody::content_part_done(&place, 0, text));
        let whole =
            item::assistant_message(id, turn, Some(text), view.status(index), Some(view.phase()));
        out.keep(EventBody::item_done(self.session_id, whole, place.output_index));
    }

    fn reasoning(&self, item: &Item, summary: &str, status: ItemStatus, out: &mut Pieces) {
        let (id, turn) = (item.id.as_str(), item.turn.as_str());
        let place = self.place(item);
        let begun = item::reasoning(id, turn, None, ItemStatus::InProgress);
        self.unless_shown(
            item,
            EventBody::item_added(self.session_id, begun, item.output_index),
            out,
        );
        if !summary.is_empty() {
            self.unless_shown(item, EventBody::summary_part_added(&place, 0), out);
            self.rest(item, PartKind::Reasoning, summary, out);
            out.keep(EventBody::summary_text_done(&place, 0, summary));
            out.keep(EventBody::summary_part_done(&place, 0, summary, None));
        }
        let whole = item::reasoning(id, turn, Some(summary), status);
        out.keep(EventBody::item_done(self.session_id, whole, place.output_index));
    }

    fn place(&self, item: &Item) -> Place {
        Place {
            session_id: self.session_id.to_owned(),
            turn_id: item.turn.to_string(),
            item_id: item.id.to_string(),
            output_index: item.output_index.unwrap_or_default(),
        }
    }

    fn unless_shown(&self, item: &Item, body: EventBody, out: &mut Pieces) {
        if self.shown.contains_key(&item.id) { out.count() } else { out.keep(body) }
    }

    /// What of the text was not shown, so that clients which only read pieces have all of it.
    fn rest(&self, item: &Item, kind: PartKind, text: &str, out: &mut Pieces) {
        let shown = self.shown.get(&item.id).copied().unwrap_or_default();
        match text.get(shown..).filter(|rest| !rest.is_empty()) {
            Some(rest) => out.keep(delta_body(&self.place(item), kind, rest)),
            None => out.count(),
        }
    }
}
