//! Turns: input, beginnings, waits and ends.

use std::sync::Arc;

use mainstay_protocol::Usage;

use super::response;
use crate::fact::{Disposition, InputReceived, TurnEnded};
use crate::session::state::{QueuedTurn, SessionState, SessionStatus, Turn, TurnStatus};

pub(super) fn input_received(state: &mut SessionState, fact: &InputReceived, at_ms: u64) {
    response::moved_on(state);
    let input = QueuedTurn {
        id: fact.turn.clone(),
        principal: fact.principal.clone(),
        seq: state.seq,
        created_at_ms: at_ms,
        items: fact.items.iter().cloned().map(Arc::new).collect(),
    };
    match fact.disposition {
        Disposition::Starts => begin_turn(state, input, at_ms),
        Disposition::Steers => {
            if let Some(turn) = &mut state.turn {
                turn.pending_input.extend(input.items);
            }
        }
        Disposition::Queues => state.queue.push_back(input),
    }
}

pub(super) fn turn_started(state: &mut SessionState, at_ms: u64) {
    let Some(queued) = state.queue.pop_front() else { return };
    begin_turn(state, queued, at_ms);
}

fn begin_turn(state: &mut SessionState, input: QueuedTurn, at_ms: u64) {
    let QueuedTurn { id, principal, seq, created_at_ms, items } = input;
    for item in items {
        state.transcript.push(item);
    }
    state.turn = Some(Turn {
        id,
        principal,
        created_at_ms,
        started_at_ms: at_ms,
        first_seq: seq,
        status: TurnStatus::InProgress,
        waiting_since_ms: None,
        waited_ms: 0,
        steps: 0,
        choice_step: 1,
        tool_calls: 0,
        usage: Usage::default(),
        output_count: 0,
        pending_input: Vec::new(),
        offer: None,
        candidate: 0,
        is_settled: false,
        is_compacted: false,
        failing: None,
    });
    state.status = SessionStatus::InProgress;
    state.workspace.is_tried = false;
}

pub(super) fn turn_waiting(state: &mut SessionState) {
    state.status = SessionStatus::RequiresAction;
    response::rests(state);
    if let Some(turn) = &mut state.turn {
        turn.status = TurnStatus::Waiting;
    }
}

pub(super) fn turn_resumed(state: &mut SessionState) {
    state.status = SessionStatus::InProgress;
    if let Some(turn) = &mut state.turn {
        turn.status = TurnStatus::InProgress;
    }
}

/// The turn's clock stands still while it waits for the client, a person or subagents.
pub(super) fn keep_time(state: &mut SessionState, at_ms: u64) {
    let is_parked = state.effects.values().any(|effect| effect.phase.is_parked());
    let Some(turn) = &mut state.turn else { return };
    let waits = is_parked || turn.status == TurnStatus::Waiting;
    match turn.waiting_since_ms {
        None if waits => turn.waiting_since_ms = Some(at_ms),
        Some(since_ms) if !waits => {
            turn.waiting_since_ms = None;
            turn.waited_ms += at_ms.saturating_sub(since_ms);
        }
        None | Some(_) => {}
    }
}

pub(super) fn turn_ended(state: &mut SessionState, fact: &TurnEnded) {
    let Some(turn) = state.turn.take() else { return };
    state.last_end = Some(fact.end.clone());
    response::rests(state);
    // Input that came too late for a step still belongs to the conversation.
    for item in turn.pending_input {
        state.transcript.push(item);
    }
    // A checkpoint may go on behind it.
    state.effects.retain(|_, effect| effect.is_checkpoint());
    state.status =
        if fact.budget_reached { SessionStatus::BudgetReached } else { SessionStatus::Idle };
}
