//! What one connection shows of a model's answer before the entry that keeps it.
//!
//! Invariant: only the open attempt's texts are shown, from their beginning and without a hole.
//! Deliberately absent: arguments of tool calls, which clients get whole.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use mainstay_core::port::PartKind;
use mainstay_protocol::EffectId;
use mainstay_runtime::Delta;
use serde_json::json;

use super::item;
use super::out::Out;
use super::place::{MAX_LIVE_BYTES, MAX_LIVE_OUTPUTS, Place, Reach};

/// The open model call, and what is shown of it.
#[derive(Debug, Default)]
pub(crate) struct Live {
    open: Option<Open>,
    /// Bytes shown, by the output's position in its answer.
    shown: BTreeMap<u32, Shown>,
}

#[derive(Debug)]
struct Open {
    effect: EffectId,
    /// The entry that requested it.
    seq: u64,
    attempt: u32,
    /// How far the entry that began the attempt is from the response's first.
    offset: u64,
}

#[derive(Debug)]
struct Shown {
    id: String,
    kind: PartKind,
    bytes: usize,
}

/// How much of an output was shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) is_announced: bool,
    pub(crate) has_part: bool,
    pub(crate) bytes: usize,
}

impl Live {
    pub(crate) fn begin(&mut self, effect: &EffectId, seq: u64, offset: u64) {
        self.open = Some(Open { effect: effect.clone(), seq, attempt: 1, offset });
        self.shown.clear();
    }

    /// The attempt under way; 1 when none is.
    pub(crate) fn attempt_count(&self) -> u32 {
        self.open.as_ref().map_or(1, |open| open.attempt)
    }

    /// Another attempt begins, or will: what the one before wrote is void.
    pub(crate) fn retry(
        &mut self,
        effect: &EffectId,
        attempt: u32,
        offset: u64,
        base: u32,
        out: &mut Out,
    ) {
        let Some(open) = self.open.as_mut().filter(|open| open.effect == *effect) else { return };
        if attempt == open.attempt {
            return;
        }
        (open.attempt, open.offset) = (attempt, offset);
        for (index, shown) in std::mem::take(&mut self.shown) {
            let item = match shown.kind {
                PartKind::Reasoning => item::reasoning(&shown.id, None, None, false),
                PartKind::Text | PartKind::Arguments => {
                    item::assistant(&shown.id, None, "incomplete")
                }
            };
            let members = json!({"output_index": base + index, "item": item});
            out.push("response.output_item.done", members);
        }
    }

    /// The model call is over, one way or the other.
    pub(crate) fn end(&mut self, effect: &EffectId) {
        if self.open.as_ref().is_some_and(|open| open.effect == *effect) {
            self.open = None;
        }
    }

    /// How much of each output was shown, on this connection or the one before it that had seen up
    /// to `seen`.
    pub(crate) fn known(&self, seen: Option<Place>, output: u32, len: usize) -> Known {
        if let Some(shown) = self.shown.get(&output) {
            return Known { is_announced: true, has_part: true, bytes: shown.bytes };
        }
        let offset = self.open.as_ref().map(|open| open.offset);
        let seen = seen.filter(|seen| Some(seen.offset()) == offset);
        let Some(reach) = seen.and_then(Place::reach) else { return Known::default() };
        if output < reach.output {
            return Known { is_announced: true, has_part: true, bytes: len };
        }
        if output > reach.output {
            return Known::default();
        }
        let bytes = usize::try_from(reach.steps.saturating_sub(2)).unwrap_or(usize::MAX).min(len);
        Known { is_announced: reach.steps >= 1, has_part: reach.steps >= 2, bytes }
    }

    /// Shows a piece, unless it is late, or a piece before it was missed.
    pub(crate) fn delta(&mut self, delta: &Delta, base: u32, out: &mut Out) {
        let Some(open) = &self.open else { return };
        let Some(output) = output_of(delta.item.as_str(), open) else { return };
        if delta.kind == PartKind::Arguments || output > MAX_LIVE_OUTPUTS {
            return;
        }
        let (offset, index, id) = (open.offset, base + output, delta.item.as_str());
        let shown = match self.shown.entry(output) {
            Entry::Occupied(shown) => shown.into_mut(),
            Entry::Vacant(_) if delta.offset != 0 => return,
            Entry::Vacant(place) => {
                announce(delta.kind, id, index, |steps, kind, members| {
                    out.live(offset, Reach { output, steps }, kind, members);
                });
                place.insert(Shown { id: id.to_owned(), kind: delta.kind, bytes: 0 })
            }
        };
        let Some(skip) = shown.bytes.checked_sub(delta.offset) else { return };
        let Some(text) = delta.text.get(skip..).filter(|text| !text.is_empty()) else { return };
        if shown.bytes + text.len() > MAX_LIVE_BYTES {
            return;
        }
        // What was seen on the connection before is not repeated.
        let seen = out.seen_bytes(offset, output).saturating_sub(shown.bytes);
        shown.bytes += text.len();
        let steps = u32::try_from(shown.bytes + 2).unwrap_or(u32::MAX);
        let Some(text) = text.get(seen..).filter(|text| !text.is_empty()) else { return };
        let (kind, members) = text_delta(delta.kind, id, index, text);
        out.live(offset, Reach { output, steps }, kind, members);
    }
}

/// The position in its answer of an item whose id says that it is the open attempt's.
fn output_of(id: &str, open: &Open) -> Option<u32> {
    let rest = id.strip_prefix(&format!("item_{:x}_{}_", open.seq, open.attempt))?;
    rest.split('_').next()?.parse().ok()
}

/// The beginning of an output: `put` gets 1 for the item, 2 for its part.
pub(crate) fn announce(
    kind: PartKind,
    id: &str,
    index: u32,
    mut put: impl FnMut(u32, &str, serde_json::Value),
) {
    let begun = match kind {
        PartKind::Reasoning => item::reasoning(id, None, None, false),
        PartKind::Text | PartKind::Arguments => item::assistant(id, None, "in_progress"),
    };
    put(1, "response.output_item.added", json!({"output_index": index, "item": begun}));
    match kind {
        PartKind::Reasoning => put(
            2,
            "response.reasoning_summary_part.added",
            json!({
                "item_id": id, "output_index": index, "summary_index": 0,
                "part": {"type": "summary_text", "text": ""},
            }),
        ),
        PartKind::Text | PartKind::Arguments => put(
            2,
            "response.content_part.added",
            json!({
                "item_id": id, "output_index": index, "content_index": 0,
                "part": item::output_text(""),
            }),
        ),
    }
}

/// A piece of a text or of a reasoning summary.
pub(crate) fn text_delta(
    kind: PartKind,
    id: &str,
    index: u32,
    text: &str,
) -> (&'static str, serde_json::Value) {
    match kind {
        PartKind::Reasoning => (
            "response.reasoning_summary_text.delta",
            json!({"item_id": id, "output_index": index, "summary_index": 0, "delta": text}),
        ),
        PartKind::Text | PartKind::Arguments => (
            "response.output_text.delta",
            json!({
                "item_id": id, "output_index": index, "content_index": 0, "delta": text,
                "logprobs": [],
            }),
        ),
    }
}
