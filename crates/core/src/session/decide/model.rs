//! A model answered, or did not: items, summaries, retries, the route.

use mainstay_protocol::{CallId, EffectId, ErrorCode};

use super::call;
use super::draft::Draft;
use super::outcome::{complete, retry};
use crate::effect::{EffectFailure, EffectRequest, Outcome};
use crate::item::{Item, ItemBody, item_id};
use crate::port::{ModelError, ModelErrorKind, ModelOutput, ModelReply, StopReason, WorldChange};
use crate::retry::MODEL_MAX_ATTEMPTS;
use crate::session::config::Offer;
use crate::session::context;
use crate::session::open_effect::OpenEffect;
use crate::tool::Safety;

/// What every provider takes as a tool's name, in characters.
const MAX_TOOL_NAME_CHARS: usize = 64;

pub(super) fn replied(draft: &mut Draft<'_>, id: &EffectId, open: &OpenEffect, reply: ModelReply) {
    let Some(turn) = &draft.state.turn else { return };
    let Some(offer) = turn.offer.clone() else { return };
    let (turn, output_base) = (turn.id.clone(), turn.output_count);
    let ModelReply { outputs, usage, model, stop } = reply;
    let mut items: Vec<Item> = Vec::with_capacity(outputs.len());
    for (index, output) in outputs.into_iter().enumerate() {
        let body = body_of(draft, output, &offer, &items);
        items.push(Item {
            id: item_id(open.seq, open.attempt, index, id.as_str()),
            turn: turn.clone(),
            output_index: Some(output_base + u32::try_from(index).unwrap_or(u32::MAX)),
            body,
        });
    }
    let is_call = |item: &&Item| matches!(item.body, ItemBody::ToolCall { .. });
    let calls: Vec<Item> = items.iter().filter(is_call).cloned().collect();
    complete(draft, id, open.attempt, Outcome::Model { items, usage, model, stop });
    for (index, item) in calls.iter().enumerate() {
        call::call(draft, index, item, &offer);
    }
}

/// What the transcript keeps of an output: something that every provider takes back.
fn body_of(draft: &mut Draft<'_>, output: ModelOutput, offer: &Offer, before: &[Item]) -> ItemBody {
    match output {
        ModelOutput::Message { text } => ItemBody::AssistantMessage { text },
        ModelOutput::Reasoning { summary, provider_data } => {
            ItemBody::Reasoning { summary, provider_data }
        }
        ModelOutput::ToolCall { call_id, name, arguments } => {
            let name = plain_name(&name);
            let label = offer.tool(&name).and_then(|spec| offer.config.source_label(spec));
            let source = label.map(str::to_owned);
            let is_empty = arguments.trim().is_empty();
            let arguments = if is_empty { "{}".to_owned() } else { arguments };
            ItemBody::ToolCall { call_id: own_id(draft, &call_id, before), name, arguments, source }
        }
    }
}

/// The provider's id of a call if it names no other call, else one of our own: some providers
/// count from one in every answer.
fn own_id(draft: &mut Draft<'_>, given: &str, before: &[Item]) -> CallId {
    let is_taken = |id: &CallId| {
        let is_same = |item: &Item| match &item.body {
            ItemBody::ToolCall { call_id, .. } => call_id == id,
            _ => false,
        };
        draft.state.transcript.may_hold_call(id) || before.iter().any(is_same)
    };
    match CallId::parse(given) {
        Ok(id) if !is_taken(&id) => id,
        Ok(_) | Err(_) => CallId::mint(&mut draft.mint),
    }
}

/// A tool's name as providers take it. What a model made up goes back to it in the transcript, and
/// a provider that refuses the name would refuse the whole session from then on.
fn plain_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "_-".contains(c) { c } else { '_' };
    let name: String = name.chars().take(MAX_TOOL_NAME_CHARS).map(plain).collect();
    if name.is_empty() { "unnamed".to_owned() } else { name }
}

pub(super) fn compacted(
    draft: &mut Draft<'_>,
    id: &EffectId,
    open: &OpenEffect,
    cut: usize,
    reply: ModelReply,
) {
    if reply.stop == StopReason::Refusal {
        let error = ModelError::new(ModelErrorKind::Refused, "the model refused to summarise");
        return failed(draft, id, open, &error);
    }
    let text = reply.outputs.into_iter().find_map(|output| match output {
        ModelOutput::Message { text } if !text.trim().is_empty() => Some(text),
        ModelOutput::Message { .. }
        | ModelOutput::Reasoning { .. }
        | ModelOutput::ToolCall { .. } => None,
    });
    let Some(text) = text else {
        let error = ModelError::new(ModelErrorKind::Garbled, "the model wrote an empty summary");
        return failed(draft, id, open, &error);
    };
    let Some(turn) = draft.state.turn.as_ref().map(|turn| turn.id.clone()) else { return };
    let item = Item {
        id: item_id(open.seq, open.attempt, 0, id.as_str()),
        turn,
        output_index: None,
        body: ItemBody::Summary { text },
    };
    let outcome = Outcome::Compacted { item, cut, usage: reply.usage, model: reply.model };
    complete(draft, id, open.attempt, outcome);
}

pub(super) fn failed(draft: &mut Draft<'_>, id: &EffectId, open: &OpenEffect, error: &ModelError) {
    let is_compaction = matches!(open.request, EffectRequest::Compact { .. });
    let (code, retryable) = match error.kind {
        ModelErrorKind::RateLimited => (ErrorCode::ModelRateLimited, true),
        ModelErrorKind::Unavailable => (ErrorCode::ModelUnavailable, true),
        ModelErrorKind::Garbled => (ErrorCode::ModelInvalid, true),
        // A compaction is asked again with less.
        ModelErrorKind::ContextTooLong => (ErrorCode::ContextTooLong, is_compaction),
        ModelErrorKind::Refused => (ErrorCode::ModelRefused, false),
        ModelErrorKind::Invalid => (ErrorCode::ModelInvalid, false),
    };
    let failure = EffectFailure { code, message: error.message.clone(), world: WorldChange::No };
    let attempt = open.attempt;
    if retryable && attempt < MODEL_MAX_ATTEMPTS {
        return retry(draft, id, attempt, attempt, failure, error.retry_after_ms);
    }
    if error.kind == ModelErrorKind::ContextTooLong && !is_compaction {
        compact_instead(draft, open);
    }
    draft.failed(id, attempt, failure, None, None);
}

/// The provider says that the context is too long: summarise, once, and ask again.
fn compact_instead(draft: &mut Draft<'_>, open: &OpenEffect) {
    let EffectRequest::Model { model, .. } = &open.request else { return };
    let is_tried = draft.state.turn.as_ref().is_none_or(|turn| turn.is_compacted);
    if is_tried {
        return;
    }
    let window = draft.window(model);
    let Some(cut) = context::cut_for(&draft.state, window, true) else { return };
    let model = model.clone();
    draft.request(EffectRequest::Compact { model, cut }, Safety::ReadOnly);
}
