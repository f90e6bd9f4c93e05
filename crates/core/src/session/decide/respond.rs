//! Requests of the Responses API, and items that join a conversation without a turn.
//!
//! Invariant: a response covers what its session does from its request until the session rests or
//! waits; at most one is open. A request that leaves a call without its output is refused.

use mainstay_protocol::{CallId, ErrorCode, ItemId, TurnId};

use super::command::check_open;
use super::draft::Draft;
use super::input::check_budget;
use crate::fact::{
    Disposition, Fact, InputReceived, ItemRemoved, ItemsAdded, RequiredAction, ResponseRequested,
};
use crate::item::{Item, ItemBody, item_id};
use crate::session::Transcript;
use crate::session::command::{After, Rejected, Respond};
use crate::session::state::TurnStatus;

/// The most items that one request brings.
pub const MAX_GIVEN_ITEMS: usize = 4_096;

pub(super) fn respond(draft: &mut Draft<'_>, respond: Respond) -> Result<(), Rejected> {
    check_open(&draft.state)?;
    check_budget(&draft.state)?;
    check_count(&respond.items)?;
    check_free(draft)?;
    let previous = match respond.after {
        After::Anything => None,
        After::Response(previous) => {
            let is_latest = draft.state.response.as_ref().is_some_and(|last| last.id == previous);
            if !is_latest {
                let message = format!("the session has gone on since response {previous}");
                return Err(Rejected::new(ErrorCode::NotLatest, message));
            }
            Some(previous)
        }
    };
    check_pairs(&draft.state.transcript, &respond.items)?;
    let (response, wire) = (respond.response, respond.wire);
    draft.record(Fact::ResponseRequested(ResponseRequested { response, previous, wire }));
    input(draft, respond.items)
}

fn input(draft: &mut Draft<'_>, items: Vec<ItemBody>) -> Result<(), Rejected> {
    let seq = draft.next_seq();
    let (turn, disposition) = match &draft.state.turn {
        Some(_) if items.is_empty() => return Ok(()),
        Some(turn) => (turn.id.clone(), Disposition::Steers),
        None if items.is_empty() && draft.state.transcript.is_empty() => {
            let message = "there is nothing to answer: the conversation is empty; give an 'input'";
            return Err(Rejected::new(ErrorCode::MissingParameter, message));
        }
        None => (TurnId::mint_ordered(&mut draft.mint, seq), Disposition::Starts),
    };
    let items = given(seq, &turn, items);
    let principal = draft.facts.principal.clone();
    draft.record(Fact::InputReceived(InputReceived { turn, disposition, principal, items }));
    Ok(())
}

fn given(seq: u64, turn: &TurnId, bodies: Vec<ItemBody>) -> Vec<Item> {
    let item = |(index, body)| Item {
        id: item_id(seq, 0, index, turn.as_str()),
        turn: turn.clone(),
        output_index: None,
        body,
    };
    bodies.into_iter().enumerate().map(item).collect()
}

fn check_count(items: &[ItemBody]) -> Result<(), Rejected> {
    if items.len() <= MAX_GIVEN_ITEMS {
        return Ok(());
    }
    let message = format!("{} items are more than {MAX_GIVEN_ITEMS}", items.len());
    Err(Rejected::new(ErrorCode::InvalidParameter, message))
}

/// A call and its output come together, or no model takes what it is given. What a call of this session
/// waits for is no item.
fn check_pairs(transcript: &Transcript, items: &[ItemBody]) -> Result<(), Rejected> {
    let mut calls: Vec<(&CallId, bool)> = Vec::new();
    for item in items {
        match item {
            ItemBody::ToolCall { call_id, .. } => calls.push((call_id, false)),
            ItemBody::ToolOutput { call_id, .. } => {
                let given = calls.iter_mut().rfind(|(id, _)| *id == call_id);
                let is_answered = match given {
                    Some((_, is_answered)) => std::mem::replace(is_answered, true),
                    None => is_answered_before(transcript, call_id)?,
                };
                if is_answered {
                    let message = format!("tool call {call_id} was answered already");
                    return Err(Rejected::new(ErrorCode::CallAlreadyAnswered, message));
                }
            }
            _ => {}
        }
    }
    match calls.into_iter().find(|(_, is_answered)| !is_answered) {
        None => Ok(()),
        Some((call_id, _)) => {
            let message = format!("No tool output found for function call {call_id}.");
            Err(Rejected::new(ErrorCode::InvalidParameter, message))
        }
    }
}

fn is_answered_before(transcript: &Transcript, wanted: &CallId) -> Result<bool, Rejected> {
    let last = transcript.find_last(|item| {
        matches!(&item.body, ItemBody::ToolCall { call_id, .. } | ItemBody::ToolOutput { call_id, .. }
            if call_id == wanted)
    });
    match last.as_ref().map(|item| &item.body) {
        Some(ItemBody::ToolOutput { .. }) => Ok(true),
        Some(_) => Ok(false),
        None => {
            let message =
                format!("No tool call found for function call output with call_id {wanted}.");
            Err(Rejected::new(ErrorCode::InvalidParameter, message))
        }
    }
}

/// One response at a time: the caller waits for it, or cancels it.
fn check_free(draft: &Draft<'_>) -> Result<(), Rejected> {
    let turn = draft.state.turn.as_ref();
    if turn.is_none_or(|turn| turn.status == TurnStatus::Waiting) {
        return Ok(());
    }
    let message = "the session is at work; wait for its response, or cancel it";
    Err(Rejected::new(ErrorCode::SessionBusy, message))
}

/// A response that was asked for just now must not wait for what its request should have brought.
pub(super) fn check_answered(draft: &Draft<'_>) -> Result<(), Rejected> {
    if !draft.has_requested_response() {
        return Ok(());
    }
    let is_waiting = draft.state.turn.as_ref().is_some_and(|t| t.status == TurnStatus::Waiting);
    let open = draft.state.required_actions().into_iter().next().filter(|_| is_waiting);
    let message = match open {
        None => return Ok(()),
        Some(RequiredAction::ToolResult { call_id, .. }) => {
            format!("No tool output found for function call {call_id}.")
        }
        Some(
            RequiredAction::Approval { approval, .. } | RequiredAction::Question { approval, .. },
        ) => {
            format!("No answer found for approval request {approval}.")
        }
    };
    Err(Rejected::new(ErrorCode::InvalidParameter, message))
}

pub(super) fn add_items(draft: &mut Draft<'_>, items: Vec<ItemBody>) -> Result<(), Rejected> {
    check_open(&draft.state)?;
    check_count(&items)?;
    check_rests(draft)?;
    if items.is_empty() {
        return Err(Rejected::new(ErrorCode::InvalidParameter, "there are no items to add"));
    }
    let seq = draft.next_seq();
    let turn = TurnId::mint_ordered(&mut draft.mint, seq);
    draft.record(Fact::ItemsAdded(ItemsAdded { items: given(seq, &turn, items) }));
    Ok(())
}

pub(super) fn remove_item(draft: &mut Draft<'_>, item: ItemId) -> Result<(), Rejected> {
    check_open(&draft.state)?;
    check_rests(draft)?;
    draft.record(Fact::ItemRemoved(ItemRemoved { item }));
    Ok(())
}

/// What a model call under way was given must stay what it was given.
fn check_rests(draft: &Draft<'_>) -> Result<(), Rejected> {
    if draft.state.turn.is_none() {
        return Ok(());
    }
    let message = "a turn of the session is open; its items change when it has ended";
    Err(Rejected::new(ErrorCode::SessionBusy, message))
}
