//! A text that an answer holds, and the events that tell of it.

use mainstay_core::port::PartKind;
use serde_json::{Value, json};

use super::item;
use super::live::{Known, announce, text_delta};
use super::out::Out;

/// A message's or a reasoning summary's text.
pub(super) struct Text<'a> {
    pub(super) id: &'a str,
    pub(super) kind: PartKind,
    pub(super) text: &'a str,
    pub(super) index: u32,
    /// The item, whole.
    pub(super) whole: Value,
}

impl Text<'_> {
    /// What was not shown of it while it was written.
    pub(super) fn begin(&self, known: Known, out: &mut Out) {
        let Self { id, kind, text, index, .. } = *self;
        announce(kind, id, index, |step, event, members| match step {
            1 if !known.is_announced => out.push(event, members),
            2 if self.has_part() && !known.has_part => out.push(event, members),
            _ => out.count(),
        });
        match text.get(known.bytes..).filter(|rest| !rest.is_empty()) {
            Some(rest) => {
                let (event, members) = text_delta(kind, id, index, rest);
                out.push(event, members);
            }
            None => out.count(),
        }
    }

    /// Its end.
    pub(super) fn end(&self, out: &mut Out) {
        if self.has_part() {
            self.parts_end(out);
        }
        let members = json!({"output_index": self.index, "item": self.whole});
        out.push("response.output_item.done", members);
    }

    fn has_part(&self) -> bool {
        self.kind != PartKind::Reasoning || !self.text.is_empty()
    }

    fn parts_end(&self, out: &mut Out) {
        let (id, index, text) = (self.id, self.index, self.text);
        let place = |position: &str, name: &str, value: Value| {
            let mut members = json!({"item_id": id, "output_index": index});
            members[position] = 0.into();
            members[name] = value;
            members
        };
        if self.kind == PartKind::Reasoning {
            let done = place("summary_index", "text", text.into());
            out.push("response.reasoning_summary_text.done", done);
            let part = json!({"type": "summary_text", "text": text});
            let done = place("summary_index", "part", part);
            out.push("response.reasoning_summary_part.done", done);
            return;
        }
        let mut done = place("content_index", "text", text.into());
        done["logprobs"] = json!([]);
        out.push("response.output_text.done", done);
        let done = place("content_index", "part", item::output_text(text));
        out.push("response.content_part.done", done);
    }
}
