//! A tool call of the model becomes an effect, or is refused.
//!
//! Invariant: policy is asked before the effect is requested, and its decision is part of the
//! request. A refused call has an output like any other, so that the model can go on.

use mainstay_protocol::{ApprovalId, CallId, EffectId};
use serde_json::Value;

use super::draft::Draft;
use crate::effect::{Awaits, EffectRequest};
use crate::fact::{CallRefused, EffectRequested, Fact, RefusalReason};
use crate::item::{Content, Item, ItemBody, item_id};
use crate::policy::{PolicyDecision, PolicyQuery, Ruling};
use crate::session::config::Offer;
use crate::session::open_effect::parse_arguments;
use crate::tool::{Safety, ToolSpec};

/// The most tool calls that one step may make.
pub const MAX_PARALLEL_CALLS: usize = 32;
/// How long a question to a person stands.
pub(super) const APPROVAL_TTL_MS: u64 = 7 * 24 * 3_600_000;

/// Why a call is not made.
struct Refusal {
    reason: RefusalReason,
    policy: Option<String>,
    why: String,
}

impl Refusal {
    fn new(reason: RefusalReason, why: String) -> Self {
        Self { reason, policy: None, why }
    }
}

pub(super) fn call(draft: &mut Draft<'_>, index: usize, item: &Item, offer: &Offer) {
    let ItemBody::ToolCall { name, arguments, call_id, .. } = &item.body else { return };
    let allowed = check_count(draft, index)
        .and_then(|()| find(name, offer))
        .and_then(|spec| Ok((spec, check(draft, spec, arguments)?)));
    match allowed {
        Ok((spec, decision)) => request(draft, call_id, spec, offer, decision),
        Err(refusal) => refuse(draft, item, call_id, refusal),
    }
}

fn check_count(draft: &Draft<'_>, index: usize) -> Result<(), Refusal> {
    if index >= MAX_PARALLEL_CALLS {
        let why = format!("at most {MAX_PARALLEL_CALLS} tool calls are made in one step");
        return Err(Refusal::new(RefusalReason::TooMany, why));
    }
    let limit = draft.state.config().agent.limits.max_tool_calls;
    if draft.state.turn.as_ref().is_some_and(|turn| turn.tool_calls >= limit) {
        let why = format!("the turn reached its limit of {limit} tool calls");
        return Err(Refusal::new(RefusalReason::TooMany, why));
    }
    Ok(())
}

fn find<'a>(name: &str, offer: &'a Offer) -> Result<&'a ToolSpec, Refusal> {
    let has_source = |spec: &&ToolSpec| offer.config.agent.tools.get(spec.source).is_some();
    offer.tool(name).filter(has_source).ok_or_else(|| {
        let known: Vec<_> = offer.tools.iter().map(|spec| spec.name.as_str()).collect();
        let why = format!("there is no tool {name:?}; the tools are: {}", known.join(", "));
        Refusal::new(RefusalReason::UnknownTool, why)
    })
}

fn check(draft: &Draft<'_>, spec: &ToolSpec, arguments: &str) -> Result<PolicyDecision, Refusal> {
    let rules = draft.facts.rules;
    let value: Value = parse_arguments(arguments)
        .and_then(|value| rules.check_arguments(spec, &value).map(|()| value))
        .map_err(|why| Refusal::new(RefusalReason::InvalidArguments, why))?;
    let principal = draft.principal();
    let query = PolicyQuery { principal: &principal, tool: spec, arguments: &value };
    let decision = rules.evaluate(query);
    if decision.decision == Ruling::Deny {
        let why = format!("policy {} denies this call", decision.policy);
        let policy = Some(decision.policy);
        return Err(Refusal { reason: RefusalReason::Denied, policy, why });
    }
    Ok(decision)
}

fn request(
    draft: &mut Draft<'_>,
    call_id: &CallId,
    spec: &ToolSpec,
    offer: &Offer,
    decision: PolicyDecision,
) {
    let awaits = match (decision.decision, offer.config.is_client_tool(spec)) {
        (Ruling::Ask | Ruling::Deny, _) => Awaits::Approval,
        (Ruling::Allow, true) => Awaits::Client,
        (Ruling::Allow, false) => Awaits::Nothing,
    };
    let is_asked = awaits == Awaits::Approval;
    let effect = EffectId::mint(&mut draft.mint);
    let approval = is_asked.then(|| ApprovalId::mint(&mut draft.mint));
    draft.record(Fact::EffectRequested(EffectRequested {
        effect: effect.clone(),
        request: EffectRequest::Tool { call_id: call_id.clone(), tool: spec.name.clone() },
        safety: spec.safety,
        decision: Some(decision),
        awaits,
        approval,
        expires_at_ms: is_asked.then(|| draft.facts.now_ms + APPROVAL_TTL_MS),
    }));
    if awaits == Awaits::Nothing {
        begin(draft, &effect);
    }
}

/// Begins the first attempt of a call: that of a `once` call is written before it is made.
pub(super) fn begin(draft: &mut Draft<'_>, effect: &EffectId) {
    let is_once = draft.state.effects.get(effect).is_some_and(|open| open.safety == Safety::Once);
    if is_once {
        draft.attempt(effect, 1);
    } else {
        draft.dispatch(effect);
    }
}

fn refuse(draft: &mut Draft<'_>, call: &Item, call_id: &CallId, refusal: Refusal) {
    let Refusal { reason, policy, why } = refusal;
    let item = Item {
        id: item_id(draft.next_seq(), 0, 0, call.id.as_str()),
        turn: call.turn.clone(),
        output_index: None,
        body: ItemBody::ToolOutput {
            call_id: call_id.clone(),
            content: vec![Content::Text { text: why }],
            is_error: true,
        },
    };
    draft.record(Fact::CallRefused(CallRefused { reason, policy, item }));
}
