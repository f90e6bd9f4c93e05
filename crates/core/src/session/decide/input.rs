//! What the client brings: messages and tool results.

use mainstay_protocol::{CallId, ErrorCode, TurnId};

use super::draft::Draft;
use super::{Rejected, check_open};
use crate::effect::{EffectRequest, Outcome};
use crate::fact::{Disposition, EffectCompleted, Fact, InputReceived};
use crate::item::{Content, Item, ItemBody, item_id};
use crate::port::ToolOutput;
use crate::session::command::InputMode;
use crate::session::state::{EffectPhase, SessionStatus};

/// The most turns behind the active one.
pub const MAX_QUEUED_TURNS: usize = 64;
/// The most messages that wait for the active turn's next step.
const MAX_PENDING_INPUT_COUNT: usize = 256;

pub(super) fn input(
    draft: &mut Draft<'_>,
    messages: Vec<Vec<Content>>,
    mode: InputMode,
) -> Result<(), Rejected> {
    check_open(&draft.state)?;
    if draft.state.status == SessionStatus::BudgetReached {
        let message = "the session's spend limit is reached; raise spend_control.limit to go on";
        return Err(Rejected::new(ErrorCode::BudgetReached, message));
    }
    let (turn, disposition) = match (&draft.state.turn, mode) {
        (None, _) => (TurnId::mint(&mut draft.mint), Disposition::Starts),
        (Some(turn), InputMode::Steer) => (turn.id.clone(), Disposition::Steers),
        (Some(_), InputMode::Queue) => (TurnId::mint(&mut draft.mint), Disposition::Queues),
    };
    let pending = draft.state.turn.as_ref().map_or(0, |turn| turn.pending_input.len());
    if draft.state.queue.len() >= MAX_QUEUED_TURNS && disposition == Disposition::Queues {
        let message = format!("{MAX_QUEUED_TURNS} turns wait behind the active one already");
        return Err(Rejected::new(ErrorCode::Overloaded, message));
    }
    if pending + messages.len() > MAX_PENDING_INPUT_COUNT {
        let message = format!("{MAX_PENDING_INPUT_COUNT} messages wait for the next step already");
        return Err(Rejected::new(ErrorCode::Overloaded, message));
    }
    let seq = draft.next_seq();
    let item = |(index, content)| Item {
        id: item_id(seq, 0, index, turn.as_str()),
        turn: turn.clone(),
        output_index: None,
        body: ItemBody::UserMessage { content },
    };
    let items = messages.into_iter().enumerate().map(item).collect();
    let turn = turn.clone();
    draft.record(Fact::InputReceived(InputReceived { turn, disposition, items }));
    Ok(())
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
    let outcome = Outcome::Tool { item };
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
