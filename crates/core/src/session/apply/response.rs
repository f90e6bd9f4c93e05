//! Responses, and items without a turn.

use std::sync::Arc;

use crate::fact::{ItemRemoved, ItemsAdded, ResponseRemoved, ResponseRequested};
use crate::session::state::{LastResponse, SessionState};

pub(super) fn requested(state: &mut SessionState, fact: &ResponseRequested, at_ms: u64) {
    state.response = Some(LastResponse {
        id: fact.response.clone(),
        previous: fact.previous.clone(),
        first_seq: state.seq,
        created_at_ms: at_ms,
        is_open: true,
    });
    if let Some(turn) = &mut state.turn {
        turn.choice_step = turn.steps + 1;
    }
}

pub(super) fn removed(state: &mut SessionState, fact: &ResponseRemoved) {
    state.response.take_if(|last| last.id == fact.response);
}

/// The session rests or waits: what it gave is whole.
pub(super) fn rests(state: &mut SessionState) {
    if let Some(last) = &mut state.response {
        last.is_open = false;
    }
}

/// Something that is no part of the last response came after it.
pub(super) fn moved_on(state: &mut SessionState) {
    state.response.take_if(|last| !last.is_open);
}

pub(super) fn items_added(state: &mut SessionState, fact: &ItemsAdded) {
    moved_on(state);
    for item in &fact.items {
        state.transcript.push(Arc::new(item.clone()));
    }
}

pub(super) fn item_removed(state: &mut SessionState, fact: &ItemRemoved) {
    moved_on(state);
    state.transcript.remove(&fact.item);
}
