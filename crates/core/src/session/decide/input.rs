//! What the client brings: messages and tool results.

use mainstay_protocol::{CallId, ErrorCode, TurnId};

use super::command::check_open;
use super::draft::Draft;
use super::subagent;
use crate::effect::{EffectRequest, Outcome};
use crate::fact::{Disposition, EffectCompleted, Fact, InputReceived};
use crate::item::{Content, Item, ItemBody, item_id};
use crate::port::ToolOutput;
use crate::session::command::{InputMode, Rejected};
use crate::session::open_effect::EffectPhase;
use crate::session::state::{SessionState, SessionStatus};

/// The most turns behind the active one.
pub const MAX_QUEUED_TURNS: usize = 64;
/// The most messages of one input, and the most that wait for the active turn's next step.
pub const MAX_INPUT_MESSAGES: usize = 256;

pub(super) fn input(
    draft: &mut Draft<'_>,
    messages: Vec<Vec<Content>>,
    mode: InputMode,
) -> Result<(), Rejected> {
    check_open(&draft.state)?;
    check_not_closed(&draft.state)?;
    check_budget(&draft.state)?;
    check_messages(&messages)?;
    // Turns are listed by their ids: two of one millisecond keep their order.
    let seq = draft.next_seq();
    let (turn, disposition) = match (&draft.state.turn, mode) {
        (None, _) => (TurnId::mint_ordered(&mut draft.mint, seq), Disposition::Starts),
        (Some(turn), InputMode::Steer) => {
            check_pending(turn.pending_input.len() + messages.len())?;
            (turn.id.clone(), Disposition::Steers)
        }
        (Some(_), InputMode::Queue) => {
            check_queue(draft.state.queue.len())?;
            (TurnId::mint_ordered(&mut draft.mint, seq), Disposition::Queues)
        }
    };
    let item = |(index, content)| Item {
        id: item_id(seq, 0, index, turn.as_str()),
        turn: turn.clone(),
        output_index: None,
        body: ItemBody::UserMessage { content },
    };
    let items = messages.into_iter().enumerate().map(item).collect();
    let turn = turn.clone();
    let principal = draft.facts.principal.clone();
    draft.record(Fact::InputReceived(InputReceived { turn, disposition, principal, items }));
    if disposition == Disposition::Steers {
        subagent::end_waits(draft);
    }
    Ok(())
}

pub(super) fn check_budget(state: &SessionState) -> Result<(), Rejected> {
    if state.status != SessionStatus::BudgetReached {
        return Ok(());
    }
    let message = "the session's spend limit is reached; raise spend_control.limit to go on";
    Err(Rejected::new(ErrorCode::BudgetReached, message))
}

fn check_not_closed(state: &SessionState) -> Result<(), Rejected> {
    if state.closed_at_ms.is_none() {
        return Ok(());
    }
    let message = "the subagent is closed; it takes input again once it was resumed";
    Err(Rejected::new(ErrorCode::Conflict, message))
}

fn check_messages(messages: &[Vec<Content>]) -> Result<(), Rejected> {
    if messages.is_empty() || messages.iter().any(Vec::is_empty) {
        let message = "input needs at least one message, and each message at least one part";
        return Err(Rejected::new(ErrorCode::InvalidParameter, message));
    }
    if messages.len() > MAX_INPUT_MESSAGES {
        let message =
            format!("input has {} messages, more than {MAX_INPUT_MESSAGES}", messages.len());
        return Err(Rejected::new(ErrorCode::InvalidParameter, message));
    }
    Ok(())
}

fn check_pending(count: usize) -> Result<(), Rejected> {
    if count <= MAX_INPUT_MESSAGES {
        return Ok(());
    }
    let message = format!("more than {MAX_INPUT_MESSAGES} messages would wait for the next step");
    Err(Rejected::new(ErrorCode::Overloaded, message))
}

fn check_queue(count: usize) -> Result<(), Rejected> {
    if count < MAX_QUEUED_TURNS {
        return Ok(());
    }
    let message = format!("{MAX_QUEUED_TURNS} turns wait behind the active one already");
    Err(Rejected::new(ErrorCode::Overloaded, message))
}

pub(super) fn tool_result(
    draft: &mut Draft<'_>,
    turn: Option<&TurnId>,
    call_id: &CallId,
    output: ToolOutput,
) -> Result<(), Rejected> {
    check_open(&draft.state)?;
    let found = draft.state.effects.iter().find(|(_, effect)| {
        effect.phase == EffectPhase::AwaitsClient
            && matches!(&effect.request, EffectRequest::Tool { call_id: id, .. } if id == call_id)
    });
    let turn_fits = turn.is_none() || draft.state.turn.as_ref().map(|turn| &turn.id) == turn;
    let Some((effect, open)) = found.filter(|_| turn_fits) else {
        return Err(not_waiting(draft, call_id));
    };
    let (effect, attempt) = (effect.clone(), open.attempt);
    let Some(item) = draft.output_item(&effect, output) else {
        return Err(not_waiting(draft, call_id));
    };
    let outcome = Outcome::Tool { item, exec: None, subagent: None, machine: None };
    draft.record(Fact::EffectCompleted(EffectCompleted { effect, attempt, outcome }));
    Ok(())
}

fn not_waiting(draft: &Draft<'_>, call_id: &CallId) -> Rejected {
    if draft.state.answered.contains(call_id) {
        let message = format!("tool call {call_id} was answered already");
        return Rejected::new(ErrorCode::CallAlreadyAnswered, message);
    }
    Rejected::new(ErrorCode::CallNotWaiting, format!("Unknown pending tool call: {call_id}"))
}
