//! Effects: requested, attempted, and what became of them.

use std::sync::Arc;

use mainstay_protocol::{CallId, ErrorCode};

use super::settle;
use crate::effect::{Awaits, EffectRequest, UnknownNext};
use crate::fact::{
    Answer, ApprovalResolved, CallRefused, EffectAttempted, EffectFailed, EffectParked,
    EffectRequested, EffectUnknown, NextQuestion, QuestionAsked,
};
use crate::item::ItemBody;
use crate::port::WorldChange;
use crate::question::{Replies, Reply};
use crate::session::config::Offer;
use crate::session::open_effect::{
    EffectPhase, OpenCall, OpenEffect, OpenQuestions, parse_arguments,
};
use crate::session::state::{SessionState, Turn};
use crate::tool::Safety;

pub(super) fn effect_requested(state: &mut SessionState, fact: &EffectRequested) {
    let call = match &fact.request {
        EffectRequest::Tool { call_id, tool } => {
            if let Some(turn) = &mut state.turn {
                turn.tool_calls += 1;
            }
            open_call(state, call_id, tool)
        }
        EffectRequest::Model { candidate, .. } => {
            begin_step(state, *candidate);
            None
        }
        EffectRequest::Checkpoint => {
            state.workspace.saving();
            None
        }
        EffectRequest::ResolveTools | EffectRequest::Compact { .. } => None,
    };
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
        world: WorldChange::No,
        phase,
        call,
        reconcile_count: 0,
        too_long_count: 0,
        until_ms: None,
        questions: None,
    };
    state.effects.insert(fact.effect.clone(), open);
}

/// A model call is asked for: what waited for it joins the transcript.
fn begin_step(state: &mut SessionState, candidate: usize) {
    let offer = Offer { config: state.config().clone(), tools: state.tools() };
    let Some(turn) = &mut state.turn else { return };
    turn.steps += 1;
    turn.candidate = candidate;
    turn.is_settled = false;
    turn.offer = Some(offer);
    for item in std::mem::take(&mut turn.pending_input) {
        state.transcript.push(item);
    }
}

fn open_call(state: &SessionState, call_id: &CallId, tool: &str) -> Option<OpenCall> {
    // The call stands in the model's last answer, so the search ends within the step.
    let item = state.transcript.find_last(|item| match &item.body {
        ItemBody::ToolCall { call_id: id, .. } => id == call_id,
        _ => false,
    })?;
    let ItemBody::ToolCall { arguments, .. } = &item.body else { return None };
    let arguments = Arc::new(parse_arguments(arguments).unwrap_or_default());
    let offer = state.turn.as_ref()?.offer.as_ref()?;
    let spec = Arc::new(offer.tool(tool)?.clone());
    Some(OpenCall { item, config: offer.config.clone(), spec, arguments })
}

pub(super) fn effect_attempted(state: &mut SessionState, fact: &EffectAttempted) {
    let Some(effect) = state.effects.get_mut(&fact.effect) else { return };
    let is_further = fact.attempt > effect.attempt;
    if is_further && effect.phase == EffectPhase::Running && effect.may_change_sandbox() {
        state.workspace.changed();
    }
    if effect.is_checkpoint() {
        state.workspace.saving();
    }
    effect.world = match &effect.phase {
        // The attempt before ended without an outcome.
        EffectPhase::Running if is_further && effect.safety != Safety::ReadOnly => {
            WorldChange::Maybe
        }
        // The tool said that the attempts before changed nothing.
        EffectPhase::Reconciling => WorldChange::No,
        EffectPhase::Running
        | EffectPhase::RetryAt(_)
        | EffectPhase::AwaitsClient
        | EffectPhase::AwaitsApproval { .. }
        | EffectPhase::Parked { .. }
        | EffectPhase::ReconcileAt(_)
        | EffectPhase::Unknown { .. } => effect.world,
    };
    effect.attempt = fact.attempt;
    effect.reconcile_count = 0;
    effect.phase = EffectPhase::Running;
}

pub(super) fn effect_failed(state: &mut SessionState, fact: &EffectFailed) {
    let Some(effect) = state.effects.get_mut(&fact.effect) else { return };
    if fact.failure.world == WorldChange::Maybe && effect.may_change_sandbox() {
        state.workspace.changed();
    }
    if let Some(asks) = &fact.asks {
        return question_asked(effect, asks);
    }
    if let Some(retry_at) = fact.retry_at_ms {
        if effect.phase == EffectPhase::Reconciling {
            effect.phase = EffectPhase::ReconcileAt(retry_at);
            return;
        }
        effect.phase = EffectPhase::RetryAt(retry_at);
        effect.too_long_count += u32::from(fact.failure.code == ErrorCode::ContextTooLong);
        if effect.safety != Safety::ReadOnly && fact.failure.world == WorldChange::Maybe {
            effect.world = WorldChange::Maybe;
        }
        return;
    }
    let Some(effect) = state.effects.remove(&fact.effect) else { return };
    if effect.is_checkpoint() {
        state.workspace.tried();
        return;
    }
    match &fact.item {
        Some(item) => state.transcript.push(Arc::new(item.clone())),
        None => route_on(state, &effect, fact),
    }
}

fn question_asked(effect: &mut OpenEffect, asks: &QuestionAsked) {
    let QuestionAsked { approval, inquiry, expires_at_ms } = asks;
    let before = effect.questions.take();
    let rounds_count = before.as_ref().map_or(0, |before| before.rounds_count) + 1;
    let kept = before.filter(|_| inquiry.keeps_replies).map(|before| before.replies);
    let mut replies = kept.map_or_else(Replies::default, Arc::unwrap_or_clone);
    replies.state.clone_from(&inquiry.state);
    let (left, replies) = (inquiry.asked.iter().cloned().collect(), Arc::new(replies));
    effect.questions = Some(Box::new(OpenQuestions { left, replies, rounds_count }));
    effect.phase =
        EffectPhase::AwaitsApproval { approval: approval.clone(), expires_at_ms: *expires_at_ms };
}

/// A question of a server is answered; the next one is asked, or the attempt is made.
fn question_answered(effect: &mut OpenEffect, reply: &Reply, next: Option<&NextQuestion>) {
    let Some(questions) = &mut effect.questions else { return };
    questions.left.pop_front();
    Arc::make_mut(&mut questions.replies).replies.push(reply.clone());
    effect.phase = match next {
        Some(next) => EffectPhase::AwaitsApproval {
            approval: next.approval.clone(),
            expires_at_ms: next.expires_at_ms,
        },
        None => EffectPhase::Running,
    };
}

/// What a turn cannot do without failed for good: the next model of the route is asked, or the
/// turn fails.
fn route_on(state: &mut SessionState, effect: &OpenEffect, fact: &EffectFailed) {
    // The same model is asked again once the summary it needs is there.
    if state.effects.values().any(|open| matches!(open.request, EffectRequest::Compact { .. })) {
        return;
    }
    let agent = state.config().agent.clone();
    let Some(turn) = &mut state.turn else { return };
    let (model, position) = match &effect.request {
        EffectRequest::Model { model, candidate, .. } => (model, *candidate),
        EffectRequest::Compact { model, .. } => (model, turn.candidate),
        EffectRequest::ResolveTools | EffectRequest::Tool { .. } => return fail_turn(turn, fact),
        EffectRequest::Checkpoint => return,
    };
    // A route that was changed in the meantime is tried from its beginning.
    let is_on_route = agent.route().nth(position) == Some(model.as_str());
    turn.candidate = if is_on_route { position + 1 } else { 0 };
    if turn.candidate >= agent.route().count() {
        fail_turn(turn, fact);
    }
}

fn fail_turn(turn: &mut Turn, fact: &EffectFailed) {
    turn.failing = Some((fact.failure.code, fact.failure.message.clone()));
}

pub(super) fn effect_parked(state: &mut SessionState, fact: &EffectParked) {
    let Some(effect) = state.effects.get_mut(&fact.effect) else { return };
    effect.phase = EffectPhase::Parked { until_ms: fact.until_ms };
    effect.until_ms = Some(fact.until_ms);
}

pub(super) fn effect_unknown(state: &mut SessionState, fact: &EffectUnknown) {
    let Some(effect) = state.effects.get_mut(&fact.effect) else { return };
    match &fact.next {
        UnknownNext::Reconcile => {
            effect.phase = EffectPhase::Reconciling;
            effect.reconcile_count += 1;
        }
        UnknownNext::Ask { approval, expires_at_ms } => {
            effect.phase =
                EffectPhase::Unknown { approval: approval.clone(), expires_at_ms: *expires_at_ms };
        }
        UnknownNext::Retry => {
            effect.phase = EffectPhase::Running;
            effect.world = WorldChange::Maybe;
            if effect.may_change_sandbox() {
                state.workspace.changed();
            }
        }
        UnknownNext::Report { item } => {
            if effect.may_change_sandbox() {
                state.workspace.changed();
            }
            settle::call(state, &fact.effect, item);
        }
    }
}

pub(super) fn approval_resolved(state: &mut SessionState, fact: &ApprovalResolved) {
    if let Some(effect) = state.effects.get(&fact.effect)
        && matches!(effect.phase, EffectPhase::Unknown { .. })
        && matches!(fact.answer, Answer::Done | Answer::Retry | Answer::Lapsed)
        && effect.may_change_sandbox()
    {
        state.workspace.changed();
    }
    if let Some(item) = &fact.item {
        settle::call(state, &fact.effect, item);
        return;
    }
    let Some(effect) = state.effects.get_mut(&fact.effect) else { return };
    if let Some(reply) = &fact.reply {
        return question_answered(effect, reply, fact.next.as_ref());
    }
    let is_client = effect.call.as_ref().is_some_and(|call| call.config.is_client_tool(&call.spec));
    match fact.answer {
        Answer::Approve if is_client => effect.phase = EffectPhase::AwaitsClient,
        Answer::Approve => effect.phase = EffectPhase::Running,
        Answer::Retry => {
            effect.phase = EffectPhase::Running;
            effect.world = WorldChange::Maybe;
        }
        Answer::Deny | Answer::Done | Answer::NotDone | Answer::Lapsed => {}
    }
}

pub(super) fn call_refused(state: &mut SessionState, fact: &CallRefused) {
    state.transcript.push(Arc::new(fact.item.clone()));
    if let Some(turn) = &mut state.turn {
        turn.tool_calls += 1;
    }
}
