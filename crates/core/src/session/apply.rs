//! The fold: one total match over the kinds of facts.
//!
//! Invariant: total over any history that `decide` produced. A fact that names an effect or turn
//! which is not open changes nothing.

use std::sync::Arc;

use mainstay_protocol::{CallId, EffectId, Entry, ErrorCode, Usage};
use serde_json::Value;

use super::state::{
    EffectPhase, OpenCall, OpenEffect, QueuedTurn, SessionConfig, SessionState, SessionStatus, Turn,
    TurnStatus,
};
use crate::effect::{Awaits, EffectRequest, Outcome, UnknownNext};
use crate::fact::{
    ApprovalResolved, Answer, CallRefused, Disposition, EffectAttempted, EffectCompleted,
    EffectFailed, EffectRequested, EffectUnknown, Fact, InputReceived, SessionCreated,
    SessionUpdated, SpendLimit, TurnEnd, TurnEnded, TurnStarted, UnknownFact,
};
use crate::item::{Item, ItemBody, item_seq};
use crate::port::StopReason;

/// How many answered client calls are remembered.
const ANSWERED_LIMIT_COUNT: usize = 32;

/// Folds a stored entry into the state.
pub fn fold(state: &mut SessionState, entry: &Entry) -> Result<(), UnknownFact> {
    let fact = Fact::read(entry)?;
    apply(state, &fact, entry.at);
    state.hash = entry.hash;
    Ok(())
}

/// Folds the next fact, decided at `at_ms`, into the state.
pub fn apply(state: &mut SessionState, fact: &Fact, at_ms: u64) {
    state.seq += 1;
    state.last_active_at_ms = at_ms;
    match fact {
        Fact::SessionCreated(fact) => session_created(state, fact, at_ms),
        Fact::SessionUpdated(fact) => session_updated(state, fact),
        Fact::SessionFailed(fact) => {
            state.status = SessionStatus::Failed;
            state.failure = Some((fact.code, fact.message.clone()));
            state.turn = None;
            state.effects.clear();
        }
        Fact::SessionDeleted(_) => state.is_deleted = true,
        Fact::InputReceived(fact) => input_received(state, fact, at_ms),
        Fact::TurnStarted(fact) => turn_started(state, fact, at_ms),
        Fact::TurnWaiting(_) => turn_waiting(state, at_ms),
        Fact::TurnResumed(_) => turn_resumed(state, at_ms),
        Fact::TurnEnded(fact) => turn_ended(state, fact),
        Fact::EffectRequested(fact) => effect_requested(state, fact),
        Fact::EffectAttempted(fact) => effect_attempted(state, fact),
        Fact::EffectCompleted(fact) => effect_completed(state, fact, at_ms),
        Fact::EffectFailed(fact) => effect_failed(state, fact),
        Fact::EffectUnknown(fact) => effect_unknown(state, fact),
        Fact::ApprovalResolved(fact) => approval_resolved(state, fact),
        Fact::CallRefused(fact) => call_refused(state, fact),
    }
}

fn session_created(state: &mut SessionState, fact: &SessionCreated, at_ms: u64) {
    state.config = Some(Arc::new(SessionConfig {
        id: fact.session.clone(),
        tenant: fact.tenant.clone(),
        agent: fact.agent.clone(),
        metadata: fact.metadata.clone(),
        spend_limit_microusd: fact.spend_limit_microusd,
        wire: fact.wire.clone(),
        created_at_ms: at_ms,
    }));
    state.tools = fact.tools.clone().map(|tools| (tools, at_ms));
}

fn session_updated(state: &mut SessionState, fact: &SessionUpdated) {
    let mut config = SessionConfig::clone(state.config());
    if let Some(agent) = &fact.agent {
        config.agent = agent.clone();
        state.tools = fact.tools.clone().map(|tools| (tools, state.last_active_at_ms));
    }
    if let Some(metadata) = &fact.metadata {
        config.metadata.clone_from(metadata);
    }
    match fact.spend_limit {
        Some(SpendLimit::Unlimited) => config.spend_limit_microusd = None,
        Some(SpendLimit::Microusd(limit)) => config.spend_limit_microusd = Some(limit),
        None => {}
    }
    if let Some(wire) = &fact.wire {
        config.wire = wire.clone();
    }
    let spent = state.usage.cost_microusd.unwrap_or(0);
    let affordable = config.spend_limit_microusd.is_none_or(|limit| spent < limit);
    if state.status == SessionStatus::BudgetReached && affordable {
        state.status = SessionStatus::Idle;
    }
    state.config = Some(Arc::new(config));
}

fn input_received(state: &mut SessionState, fact: &InputReceived, at_ms: u64) {
    let items = fact.items.iter().cloned().map(Arc::new);
    match fact.disposition {
        Disposition::Starts => {
            for item in items {
                state.transcript.push(item);
            }
            begin_turn(state, Turn::new(fact.turn.clone(), at_ms, at_ms, state.seq));
        }
        Disposition::Steers => {
            if let Some(turn) = &mut state.turn {
                turn.pending_input.extend(items);
            }
        }
        Disposition::Queues => state.queue.push_back(QueuedTurn {
            id: fact.turn.clone(),
            created_at_ms: at_ms,
            items: items.collect(),
        }),
    }
}

fn turn_started(state: &mut SessionState, fact: &TurnStarted, at_ms: u64) {
    let Some(queued) = state.queue.pop_front() else { return };
    let first_seq = queued.items.first().and_then(|item| item_seq(&item.id)).unwrap_or(state.seq);
    for item in queued.items {
        state.transcript.push(item);
    }
    begin_turn(state, Turn::new(fact.turn.clone(), fact.created_at_ms, at_ms, first_seq));
}

fn begin_turn(state: &mut SessionState, turn: Turn) {
    state.turn = Some(turn);
    state.status = SessionStatus::InProgress;
}

impl Turn {
    fn new(id: mainstay_protocol::TurnId, created_at_ms: u64, at_ms: u64, seq: u64) -> Self {
        Self {
            id,
            created_at_ms,
            started_at_ms: at_ms,
            first_seq: seq,
            status: TurnStatus::InProgress,
            waiting_since_ms: None,
            waited_ms: 0,
            steps: 0,
            tool_calls: 0,
            usage: Usage::default(),
            output_count: 0,
            pending_input: Vec::new(),
            candidate: 0,
            is_settled: false,
            is_compacted: false,
            failing: None,
        }
    }
}

fn turn_waiting(state: &mut SessionState, at_ms: u64) {
    state.status = SessionStatus::RequiresAction;
    if let Some(turn) = &mut state.turn {
        turn.status = TurnStatus::Waiting;
        turn.waiting_since_ms = Some(at_ms);
    }
}

fn turn_resumed(state: &mut SessionState, at_ms: u64) {
    state.status = SessionStatus::InProgress;
    if let Some(turn) = &mut state.turn {
        turn.status = TurnStatus::InProgress;
        let since = turn.waiting_since_ms.take().unwrap_or(at_ms);
        turn.waited_ms += at_ms.saturating_sub(since);
    }
}

fn turn_ended(state: &mut SessionState, fact: &TurnEnded) {
    let Some(turn) = state.turn.take() else { return };
    // Input that came too late for a step still belongs to the conversation.
    for item in turn.pending_input {
        state.transcript.push(item);
    }
    state.effects.clear();
    state.status = match (&fact.end, fact.budget_reached) {
        (_, true) => SessionStatus::BudgetReached,
        (TurnEnd::Completed | TurnEnd::Failed { .. } | TurnEnd::Cancelled, false) => {
            SessionStatus::Idle
        }
    };
}

fn effect_requested(state: &mut SessionState, fact: &EffectRequested) {
    let call = match &fact.request {
        EffectRequest::Tool { call_id, tool } => open_call(state, call_id, tool),
        EffectRequest::Model { .. } | EffectRequest::ResolveTools | EffectRequest::Compact { .. } => {
            None
        }
    };
    if let Some(turn) = &mut state.turn {
        match &fact.request {
            EffectRequest::Model { candidate, .. } => {
                turn.steps += 1;
                turn.candidate = *candidate;
                turn.is_settled = false;
                for item in std::mem::take(&mut turn.pending_input) {
                    state.transcript.push(item);
                }
            }
            EffectRequest::Tool { .. } => turn.tool_calls += 1,
            EffectRequest::ResolveTools | EffectRequest::Compact { .. } => {}
        }
    }
    let phase = match (fact.awaits, &fact.approval, fact.expires_at_ms) {
        (Awaits::Approval, Some(approval), Some(expires_at_ms)) => {
            EffectPhase::AwaitsApproval { approval: approval.clone(), expires_at_ms }
        }
        (Awaits::Client, _, _) => EffectPhase::AwaitsClient,
        (Awaits::Nothing | Awaits::Approval, _, _) => EffectPhase::Running,
    };
    let open = OpenEffect {
        request: fact.request.clone(),
        safety: fact.safety,
        seq: state.seq,
        attempt: 1,
        phase,
        call,
        reconcile_count: 0,
    };
    state.effects.insert(fact.effect.clone(), open);
}

fn open_call(state: &SessionState, call_id: &CallId, tool: &str) -> Option<OpenCall> {
    let item = state.transcript.find_last(|item| match &item.body {
        ItemBody::ToolCall { call_id: id, .. } => id == call_id,
        _ => false,
    })?;
    let ItemBody::ToolCall { arguments, .. } = &item.body else { return None };
    let arguments: Value = serde_json::from_str(arguments).unwrap_or(Value::Null);
    let spec = state.tools().iter().find(|spec| spec.name == tool).cloned()?;
    Some(OpenCall { item, spec: Arc::new(spec), arguments: Arc::new(arguments) })
}

fn effect_attempted(state: &mut SessionState, fact: &EffectAttempted) {
    if let Some(effect) = state.effects.get_mut(&fact.effect) {
        effect.attempt = fact.attempt;
        effect.reconcile_count = 0;
        effect.phase = EffectPhase::Running;
    }
}

fn effect_completed(state: &mut SessionState, fact: &EffectCompleted, at_ms: u64) {
    let Some(effect) = state.effects.remove(&fact.effect) else { return };
    match &fact.outcome {
        Outcome::Model { items, usage, stop, .. } => {
            add_usage(state, *usage);
            let calls = items.iter().any(|item| matches!(item.body, ItemBody::ToolCall { .. }));
            for item in items {
                state.transcript.push(Arc::new(item.clone()));
            }
            if let Some(turn) = &mut state.turn {
                turn.output_count += u32::try_from(items.len()).unwrap_or(u32::MAX);
                turn.is_settled = !calls;
                turn.is_compacted = false;
                turn.candidate = 0;
                turn.failing = if calls { None } else { stopped_short(*stop) };
            }
        }
        Outcome::Tool { item } => settle_call(state, &fact.effect, &effect, item),
        Outcome::Tools { tools } => state.tools = Some((tools.clone(), at_ms)),
        Outcome::Compacted { item, cut, usage, .. } => {
            add_usage(state, *usage);
            state.transcript.replace_first(*cut, Arc::new(item.clone()));
            if let Some(turn) = &mut state.turn {
                turn.is_compacted = true;
            }
        }
    }
}

/// A refusal or an answer cut at the bound on tokens fails the turn; its text stays.
fn stopped_short(stop: StopReason) -> Option<(ErrorCode, String)> {
    match stop {
        StopReason::End => None,
        StopReason::Length => {
            let message = "the model's answer was cut at its bound on tokens";
            Some((ErrorCode::LimitReached, message.to_owned()))
        }
        StopReason::Refusal => {
            Some((ErrorCode::ModelRefused, "the model refused to answer".to_owned()))
        }
    }
}

fn add_usage(state: &mut SessionState, usage: Usage) {
    state.usage.add(usage);
    if let Some(turn) = &mut state.turn {
        turn.usage.add(usage);
    }
}

/// A tool call has what the model reads; the effect is closed.
fn settle_call(state: &mut SessionState, id: &EffectId, effect: &OpenEffect, output: &Item) {
    state.effects.remove(id);
    state.transcript.push(Arc::new(output.clone()));
    if effect.phase != EffectPhase::AwaitsClient {
        return;
    }
    if let EffectRequest::Tool { call_id, .. } = &effect.request {
        state.answered.push_back(call_id.clone());
        if state.answered.len() > ANSWERED_LIMIT_COUNT {
            state.answered.pop_front();
        }
    }
}

fn effect_failed(state: &mut SessionState, fact: &EffectFailed) {
    let Some(effect) = state.effects.get_mut(&fact.effect) else { return };
    if let Some(retry_at) = fact.retry_at_ms {
        effect.phase = match effect.phase {
            EffectPhase::Reconciling => EffectPhase::ReconcileAt(retry_at),
            _ => EffectPhase::RetryAt(retry_at),
        };
        return;
    }
    let effect = effect.clone();
    state.effects.remove(&fact.effect);
    match &fact.item {
        Some(item) => settle_call(state, &fact.effect, &effect, item),
        None => route_on(state, &effect, fact),
    }
}

/// A model call failed for good: the next model of the route is asked, or the turn fails.
fn route_on(state: &mut SessionState, effect: &OpenEffect, fact: &EffectFailed) {
    let last = state.config().agent.route().count();
    // The same model is asked again once the summary it needs is there.
    if state.effects.values().any(|open| matches!(open.request, EffectRequest::Compact { .. })) {
        return;
    }
    let Some(turn) = &mut state.turn else { return };
    let next = match &effect.request {
        EffectRequest::Model { candidate, .. } => candidate + 1,
        EffectRequest::Compact { .. } | EffectRequest::ResolveTools | EffectRequest::Tool { .. } => {
            last
        }
    };
    turn.candidate = next;
    if next >= last {
        turn.failing = Some((fact.failure.code, fact.failure.message.clone()));
    }
}

fn effect_unknown(state: &mut SessionState, fact: &EffectUnknown) {
    let Some(effect) = state.effects.get_mut(&fact.effect) else { return };
    match &fact.next {
        UnknownNext::Reconcile => {
            effect.phase = EffectPhase::Reconciling;
            effect.reconcile_count += 1;
        }
        UnknownNext::Ask { approval, expires_at_ms } => {
            effect.phase = EffectPhase::Unknown {
                approval: approval.clone(),
                expires_at_ms: *expires_at_ms,
            };
        }
        UnknownNext::Retry => {}
        UnknownNext::Report { item } => {
            let effect = effect.clone();
            settle_call(state, &fact.effect, &effect, item);
        }
    }
}

fn approval_resolved(state: &mut SessionState, fact: &ApprovalResolved) {
    let is_client = state
        .effects
        .get(&fact.effect)
        .and_then(|effect| effect.call.as_ref())
        .is_some_and(|call| state.config().is_client_tool(&call.spec));
    let Some(effect) = state.effects.get_mut(&fact.effect) else { return };
    if let Some(item) = &fact.item {
        let effect = effect.clone();
        settle_call(state, &fact.effect, &effect, item);
        return;
    }
    match fact.answer {
        Answer::Approve if is_client => effect.phase = EffectPhase::AwaitsClient,
        Answer::Approve | Answer::Retry => effect.phase = EffectPhase::Running,
        Answer::Deny | Answer::Done | Answer::NotDone | Answer::Lapsed => {}
    }
}

fn call_refused(state: &mut SessionState, fact: &CallRefused) {
    state.transcript.push(Arc::new(fact.item.clone()));
    if let Some(turn) = &mut state.turn {
        turn.tool_calls += 1;
    }
}
