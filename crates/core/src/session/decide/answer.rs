//! The world answered an effect: the ledger's rules.
//!
//! Invariant: an answer to an effect or attempt that is not open changes nothing, so that late and
//! repeated answers are harmless.

use mainstay_protocol::{ApprovalId, CallId, EffectId, ErrorCode};
use serde_json::Value;

use super::close::report_unknown;
use super::draft::Draft;
use crate::effect::{
    Awaits, EffectAnswer, EffectFailure, EffectRequest, Outcome, UnknownNext,
};
use crate::fact::{
    CallRefused, EffectCompleted, EffectRequested, EffectUnknown, Fact, RefusalReason,
};
use crate::item::{Item, ItemBody, item_id};
use crate::policy::{PolicyQuery, Ruling};
use crate::port::{
    ModelError, ModelErrorKind, ModelOutput, ModelReply, Reconciliation, ToolError,
    ToolOutput, WorldChange,
};
use crate::retry::{
    MODEL_MAX_ATTEMPTS, RECONCILE_MAX_ATTEMPTS, RESOLVE_MAX_ATTEMPTS, backoff_ms,
};
use crate::session::context;
use crate::session::state::{EffectPhase, OpenEffect};
use crate::tool::{Safety, ToolSpec, UnknownRule};

/// The most tool calls that one step may make.
pub const MAX_PARALLEL_CALLS: usize = 32;
/// How long a question to a person stands.
pub(super) const APPROVAL_TTL_MS: u64 = 7 * 24 * 3_600_000;

pub(super) fn answer(draft: &mut Draft<'_>, id: &EffectId, attempt: u32, answer: EffectAnswer) {
    let Some(open) = draft.state.effects.get(id).filter(|open| open.attempt == attempt) else {
        return;
    };
    let open = open.clone();
    match (answer, &open.phase) {
        (EffectAnswer::Model(result), EffectPhase::Running) => match result {
            Ok(reply) => model_replied(draft, id, &open, reply),
            Err(error) => model_failed(draft, id, &open, &error),
        },
        (EffectAnswer::Tool(result), EffectPhase::Running) => match result {
            Ok(output) => tool_answered(draft, id, attempt, output),
            Err(error) => tool_failed(draft, id, &open, &error),
        },
        (EffectAnswer::Reconciled(result), EffectPhase::Reconciling) => {
            reconciled(draft, id, &open, result);
        }
        (EffectAnswer::Tools(result), EffectPhase::Running) => match result {
            Ok(tools) => complete(draft, id, attempt, Outcome::Tools { tools: tools.into() }),
            Err(error) => resolve_failed(draft, id, &open, &error),
        },
        _ => {}
    }
}

fn complete(draft: &mut Draft<'_>, id: &EffectId, attempt: u32, outcome: Outcome) {
    let effect = id.clone();
    draft.record(Fact::EffectCompleted(EffectCompleted { effect, attempt, outcome }));
}

fn model_replied(draft: &mut Draft<'_>, id: &EffectId, open: &OpenEffect, reply: ModelReply) {
    let Some(turn) = draft.state.turn.as_ref().map(|turn| (turn.id.clone(), turn.output_count))
    else {
        return;
    };
    if let EffectRequest::Compact { cut, .. } = open.request {
        return compacted(draft, id, open, cut, reply);
    }
    let ModelReply { outputs, usage, model, stop } = reply;
    let tools = draft.state.tools();
    let mut items = Vec::with_capacity(outputs.len());
    for (index, output) in outputs.into_iter().enumerate() {
        let body = body_of(draft, output, &tools, &items);
        items.push(Item {
            id: item_id(open.seq, open.attempt, index, id.as_str()),
            turn: turn.0.clone(),
            output_index: Some(turn.1 + u32::try_from(index).unwrap_or(u32::MAX)),
            body,
        });
    }
    let calls: Vec<Item> =
        items.iter().filter(|i| matches!(i.body, ItemBody::ToolCall { .. })).cloned().collect();
    complete(draft, id, open.attempt, Outcome::Model { items, usage, model, stop });
    for (index, call) in calls.iter().enumerate() {
        one_call(draft, index, call, &tools);
    }
}

fn body_of(draft: &mut Draft<'_>, output: ModelOutput, tools: &[ToolSpec], before: &[Item]) -> ItemBody {
    match output {
        ModelOutput::Message { text } => ItemBody::AssistantMessage { text },
        ModelOutput::Reasoning { summary, provider_data } => {
            ItemBody::Reasoning { summary, provider_data }
        }
        ModelOutput::ToolCall { call_id, name, arguments } => {
            let taken = |id: &CallId| {
                before.iter().any(|item| matches!(&item.body, ItemBody::ToolCall { call_id, .. } if call_id == id))
            };
            let call_id = match CallId::parse(&call_id) {
                Ok(id) if !taken(&id) => id,
                _ => CallId::mint(&mut draft.mint),
            };
            let source = tools
                .iter()
                .find(|spec| spec.name == name)
                .and_then(|spec| draft.state.config().agent.tools.get(spec.source))
                .and_then(|source| source.label().map(str::to_owned));
            ItemBody::ToolCall { call_id, name, arguments, source }
        }
    }
}

fn compacted(draft: &mut Draft<'_>, id: &EffectId, open: &OpenEffect, cut: usize, reply: ModelReply) {
    let text = reply.outputs.iter().find_map(|output| match output {
        ModelOutput::Message { text } if !text.trim().is_empty() => Some(text.clone()),
        _ => None,
    });
    let Some(text) = text else {
        let error = ModelError::new(ModelErrorKind::Garbled, "the model wrote an empty summary");
        return model_failed(draft, id, open, &error);
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

fn one_call(draft: &mut Draft<'_>, index: usize, call: &Item, tools: &[ToolSpec]) {
    let ItemBody::ToolCall { name, arguments, call_id, .. } = &call.body else { return };
    if index >= MAX_PARALLEL_CALLS {
        let why = format!("at most {MAX_PARALLEL_CALLS} tool calls are made in one step");
        return refuse(draft, call, RefusalReason::TooMany, None, why);
    }
    let Some(spec) = tools.iter().find(|spec| &spec.name == name) else {
        let known: Vec<_> = tools.iter().map(|spec| spec.name.as_str()).collect();
        let why = format!("there is no tool {name:?}; the tools are: {}", known.join(", "));
        return refuse(draft, call, RefusalReason::UnknownTool, None, why);
    };
    let parsed: Result<Value, String> = match arguments.trim() {
        "" => Ok(Value::Object(serde_json::Map::new())),
        text => serde_json::from_str(text).map_err(|error| format!("arguments are not JSON: {error}")),
    };
    let checked = parsed.and_then(|value| {
        draft.facts.rules.check_arguments(spec, &value)?;
        Ok(value)
    });
    let value = match checked {
        Ok(value) => value,
        Err(why) => return refuse(draft, call, RefusalReason::InvalidArguments, None, why),
    };
    let principal = draft.facts.principal.clone();
    let query = PolicyQuery { principal: &principal, tool: spec, arguments: &value };
    let decision = draft.facts.rules.evaluate(query);
    let is_client = draft.state.config().is_client_tool(spec);
    let awaits = match (decision.decision, is_client) {
        (Ruling::Deny, _) => {
            let why = format!("policy {} denies this call", decision.policy);
            return refuse(draft, call, RefusalReason::Denied, Some(decision.policy), why);
        }
        (Ruling::Ask, _) => Awaits::Approval,
        (Ruling::Allow, true) => Awaits::Client,
        (Ruling::Allow, false) => Awaits::Nothing,
    };
    let asked = awaits == Awaits::Approval;
    let effect = EffectId::mint(&mut draft.mint);
    let approval = asked.then(|| ApprovalId::mint(&mut draft.mint));
    draft.record(Fact::EffectRequested(EffectRequested {
        effect: effect.clone(),
        request: EffectRequest::Tool { call_id: call_id.clone(), tool: name.clone() },
        safety: spec.safety,
        decision: Some(decision),
        awaits,
        approval,
        expires_at_ms: asked.then(|| draft.facts.now_ms + APPROVAL_TTL_MS),
    }));
    if awaits == Awaits::Nothing {
        begin(draft, &effect, 1);
    }
}

/// Begins an attempt of a tool call: `once` attempts are written before they are made.
pub(super) fn begin(draft: &mut Draft<'_>, effect: &EffectId, attempt: u32) {
    let is_once =
        draft.state.effects.get(effect).is_some_and(|open| open.safety == Safety::Once);
    if is_once || attempt > 1 {
        draft.attempt(effect, attempt);
    } else {
        draft.dispatch(effect);
    }
}

fn refuse(
    draft: &mut Draft<'_>,
    call: &Item,
    reason: RefusalReason,
    policy: Option<String>,
    why: String,
) {
    let ItemBody::ToolCall { call_id, .. } = &call.body else { return };
    let output = ToolOutput::error(why);
    let item = Item {
        id: item_id(draft.next_seq(), 0, 0, call.id.as_str()),
        turn: call.turn.clone(),
        output_index: None,
        body: ItemBody::ToolOutput {
            call_id: call_id.clone(),
            content: output.content,
            is_error: true,
        },
    };
    draft.record(Fact::CallRefused(CallRefused { reason, policy, item }));
}

fn model_failed(draft: &mut Draft<'_>, id: &EffectId, open: &OpenEffect, error: &ModelError) {
    let (code, retryable) = match error.kind {
        ModelErrorKind::RateLimited | ModelErrorKind::Unavailable => (ErrorCode::ModelUnavailable, true),
        ModelErrorKind::Garbled => (ErrorCode::ModelInvalid, true),
        ModelErrorKind::ContextTooLong => (ErrorCode::ContextTooLong, false),
        ModelErrorKind::Refused => (ErrorCode::ModelRefused, false),
        ModelErrorKind::Invalid => (ErrorCode::ModelInvalid, false),
    };
    let failure = EffectFailure { code, message: error.message.clone(), world: WorldChange::No };
    if retryable && open.attempt < MODEL_MAX_ATTEMPTS {
        return retry(draft, id, open.attempt, failure, error.retry_after_ms);
    }
    let is_model = matches!(open.request, EffectRequest::Model { .. });
    if error.kind == ModelErrorKind::ContextTooLong && is_model && compact_instead(draft, id, open, &failure) {
        return;
    }
    draft.failed(id, open.attempt, failure, None, None);
}

/// The provider says that the context is too long: summarise, once, and ask again.
fn compact_instead(
    draft: &mut Draft<'_>,
    id: &EffectId,
    open: &OpenEffect,
    failure: &EffectFailure,
) -> bool {
    let EffectRequest::Model { model, .. } = &open.request else { return false };
    let tried = draft.state.turn.as_ref().is_none_or(|turn| turn.is_compacted);
    let window = draft.window(model);
    let Some(cut) = context::cut_for(&draft.state, window, true).filter(|_| !tried) else {
        return false;
    };
    let model = model.clone();
    draft.request(EffectRequest::Compact { model, cut }, Safety::ReadOnly);
    draft.failed(id, open.attempt, failure.clone(), None, None);
    true
}

fn retry(
    draft: &mut Draft<'_>,
    id: &EffectId,
    attempt: u32,
    failure: EffectFailure,
    retry_after_ms: Option<u64>,
) {
    let wait = backoff_ms(attempt, retry_after_ms, &mut draft.mint);
    let retry_at = draft.facts.now_ms + wait;
    draft.failed(id, attempt, failure, Some(retry_at), None);
}

fn tool_answered(draft: &mut Draft<'_>, id: &EffectId, attempt: u32, output: ToolOutput) {
    if let Some(item) = draft.output_item(id, output) {
        complete(draft, id, attempt, Outcome::Tool { item });
    }
}

fn tool_failed(draft: &mut Draft<'_>, id: &EffectId, open: &OpenEffect, error: &ToolError) {
    if open.safety == Safety::Once && error.world == WorldChange::Maybe {
        return outcome_unknown(draft, id, &error.message);
    }
    let failure = EffectFailure {
        code: ErrorCode::ToolUnavailable,
        message: error.message.clone(),
        world: error.world,
    };
    let max_attempts = open.call.as_ref().map_or(1, |call| call.spec.max_attempts);
    if error.retryable && open.attempt < max_attempts {
        return retry(draft, id, open.attempt, failure, error.retry_after_ms);
    }
    let item = draft.output_item(id, ToolOutput::error(format!("the tool failed: {}", error.message)));
    draft.failed(id, open.attempt, failure, None, item);
}

fn resolve_failed(draft: &mut Draft<'_>, id: &EffectId, open: &OpenEffect, error: &ToolError) {
    let failure = EffectFailure {
        code: ErrorCode::ToolUnavailable,
        message: error.message.clone(),
        world: WorldChange::No,
    };
    if error.retryable && open.attempt < RESOLVE_MAX_ATTEMPTS {
        return retry(draft, id, open.attempt, failure, error.retry_after_ms);
    }
    draft.failed(id, open.attempt, failure, None, None);
}

/// An attempt of a `once` call has no outcome: ask the tool, else follow the agent's rule.
pub(super) fn outcome_unknown(draft: &mut Draft<'_>, id: &EffectId, reason: &str) {
    let Some(open) = draft.state.effects.get(id).cloned() else { return };
    let can_reconcile = open.call.as_ref().is_some_and(|call| call.spec.reconcile);
    if can_reconcile && open.reconcile_count == 0 {
        unknown(draft, id, open.attempt, reason, UnknownNext::Reconcile);
        draft.dispatch_reconcile(id);
        return;
    }
    let max_attempts = open.call.as_ref().map_or(1, |call| call.spec.max_attempts);
    match draft.state.config().agent.unknown_outcome {
        UnknownRule::Ask => {
            let approval = ApprovalId::mint(&mut draft.mint);
            let expires_at_ms = draft.facts.now_ms + APPROVAL_TTL_MS;
            unknown(draft, id, open.attempt, reason, UnknownNext::Ask { approval, expires_at_ms });
        }
        UnknownRule::Retry if open.attempt < max_attempts => {
            unknown(draft, id, open.attempt, reason, UnknownNext::Retry);
            draft.attempt(id, open.attempt + 1);
        }
        UnknownRule::Report | UnknownRule::Retry => {
            let text = format!("the outcome of this call is unknown: {reason}; it may have taken effect");
            report_unknown(draft, id, reason, &text);
        }
    }
}

fn unknown(draft: &mut Draft<'_>, id: &EffectId, attempt: u32, reason: &str, next: UnknownNext) {
    let (effect, reason) = (id.clone(), reason.to_owned());
    draft.record(Fact::EffectUnknown(EffectUnknown { effect, attempt, reason, next }));
}

fn reconciled(
    draft: &mut Draft<'_>,
    id: &EffectId,
    open: &OpenEffect,
    result: Result<Reconciliation, ToolError>,
) {
    let max_attempts = open.call.as_ref().map_or(1, |call| call.spec.max_attempts);
    match result {
        Ok(Reconciliation::Done(output)) => tool_answered(draft, id, open.attempt, output),
        Ok(Reconciliation::NotDone) if open.attempt < max_attempts => {
            draft.attempt(id, open.attempt + 1);
        }
        Ok(Reconciliation::NotDone) => {
            let failure = EffectFailure {
                code: ErrorCode::ToolUnavailable,
                message: "the tool says that the call was not done".to_owned(),
                world: WorldChange::No,
            };
            let output = ToolOutput::error("the call was not carried out, and attempts are exhausted");
            let item = draft.output_item(id, output);
            draft.failed(id, open.attempt, failure, None, item);
        }
        Ok(Reconciliation::Unknown) => {
            outcome_unknown(draft, id, "the tool cannot tell what became of the call");
        }
        Err(error) if error.retryable && open.reconcile_count < RECONCILE_MAX_ATTEMPTS => {
            let failure = EffectFailure {
                code: ErrorCode::ToolUnavailable,
                message: error.message,
                world: WorldChange::Maybe,
            };
            retry(draft, id, open.reconcile_count, failure, error.retry_after_ms);
        }
        Err(error) => {
            let reason = format!("the tool could not be asked what became of the call: {}", error.message);
            outcome_unknown(draft, id, &reason);
        }
    }
}
