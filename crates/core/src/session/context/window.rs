//! When a context is too much, and where to cut it.
//!
//! Invariant: a cut parts neither a call from its output nor the pieces of one answer of the
//! model, so that what is kept is a transcript that models accept.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::item::{Item, ItemBody, item_seq};
use crate::port::ModelCapabilities;
use crate::session::state::SessionState;
use crate::session::transcript::item_bytes;

/// Bytes of text that count as one token in estimates.
pub const CONTEXT_BYTES_PER_TOKEN: u64 = 4;
/// Estimate of what one tool's definition takes.
const TOOL_TOKENS: u64 = 150;
/// A summary of fewer items than this gains nothing.
const MIN_CUT_ITEMS: usize = 2;

/// How many tokens the next step's context has, estimated.
fn estimate_tokens(state: &SessionState) -> u64 {
    let instructions = state.config().agent.instructions.as_ref().map_or(0, String::len) as u64;
    let tools = state.tools.as_ref().map_or(0, |(tools, _)| tools.len() as u64);
    let pending = state.turn.iter().flat_map(|turn| &turn.pending_input);
    let pending: u64 = pending.map(|item| item_bytes(item)).sum();
    let bytes = state.transcript.bytes() + pending + instructions;
    bytes / CONTEXT_BYTES_PER_TOKEN + tools * TOOL_TOKENS
}

/// How many items a summary should replace before the next step; none when the context fits or
/// nothing can be gained. `forced` when a model has said that the context does not fit.
pub(in crate::session) fn cut_for(
    state: &SessionState,
    window: ModelCapabilities,
    forced: bool,
) -> Option<usize> {
    let most = window.context_tokens / 4 * 3;
    let most = state.config().agent.compact_at_tokens.map_or(most, |asked| asked.min(most));
    // A third of what may be: a quarter of the window, or less where less was asked for.
    let keep_bytes = most / 3 * CONTEXT_BYTES_PER_TOKEN;
    let transcript_bytes = state.transcript.bytes();
    if forced {
        // The estimate was too low: keep less than it allows.
        return cut(&state.transcript.items(), keep_bytes.min(transcript_bytes / 2));
    }
    let fits = estimate_tokens(state) <= most;
    if fits || transcript_bytes <= keep_bytes {
        return None;
    }
    cut(&state.transcript.items(), keep_bytes)
}

/// The cut that keeps most within the bound.
fn cut(items: &[Arc<Item>], keep_bytes: u64) -> Option<usize> {
    let mut orphans = BTreeSet::new();
    let mut kept_bytes = 0;
    let mut best = None;
    for (index, item) in items.iter().enumerate().rev() {
        kept_bytes += item_bytes(item);
        if kept_bytes > keep_bytes || index < MIN_CUT_ITEMS {
            break;
        }
        match &item.body {
            ItemBody::ToolOutput { call_id, .. } => {
                orphans.insert(call_id);
            }
            ItemBody::ToolCall { call_id, .. } => {
                orphans.remove(call_id);
            }
            ItemBody::UserMessage { .. }
            | ItemBody::DeveloperMessage { .. }
            | ItemBody::AssistantMessage { .. }
            | ItemBody::Reasoning { .. }
            | ItemBody::Summary { .. }
            | ItemBody::Foreign { .. } => {}
        }
        if orphans.is_empty() && begins_entry(items, index) {
            best = Some(index);
        }
    }
    best.or_else(|| desperate_cut(items, keep_bytes))
}

/// Nothing whole is small enough: keep what follows the last input, or nothing.
fn desperate_cut(items: &[Arc<Item>], keep_bytes: u64) -> Option<usize> {
    let is_input = |item: &Arc<Item>| matches!(item.body, ItemBody::UserMessage { .. });
    let last = items.iter().rposition(is_input).map(|last| entry_start(items, last));
    let bytes = |items: &[Arc<Item>]| items.iter().map(|item| item_bytes(item)).sum::<u64>();
    // One item alone is worth a summary when it is what does not fit.
    let last = last.filter(|last| *last >= MIN_CUT_ITEMS || bytes(&items[..*last]) > keep_bytes);
    let ends_with_input = items.last().is_some_and(is_input);
    match last {
        Some(last) if ends_with_input || bytes(&items[last..]) <= 2 * keep_bytes => Some(last),
        Some(_) | None if ends_with_input => None,
        Some(_) | None => (items.len() >= MIN_CUT_ITEMS).then_some(items.len()),
    }
}

/// Whether the item before is of another entry: the pieces of one answer stay together.
fn begins_entry(items: &[Arc<Item>], index: usize) -> bool {
    index == 0 || item_seq(&items[index].id) != item_seq(&items[index - 1].id)
}

fn entry_start(items: &[Arc<Item>], mut index: usize) -> usize {
    while !begins_entry(items, index) {
        index -= 1;
    }
    index
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
