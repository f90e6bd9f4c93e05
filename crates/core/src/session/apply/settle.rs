//! Outcomes: what an effect that is closed leaves in the state.

use std::sync::Arc;

use mainstay_protocol::{EffectId, ErrorCode, Usage};

use crate::effect::{EffectRequest, Outcome};
use crate::fact::{EffectCompleted, SubagentReported};
use crate::item::{Item, ItemBody};
use crate::port::StopReason;
use crate::session::open_effect::{EffectPhase, OpenEffect};
use crate::session::state::{SessionState, SessionStatus};
use crate::session::workspace::MachineState;

/// How many answered client calls are remembered.
const ANSWERED_LIMIT_COUNT: usize = 32;

pub(super) fn effect_completed(state: &mut SessionState, fact: &EffectCompleted, at_ms: u64) {
    let Some(effect) = state.effects.remove(&fact.effect) else { return };
    if let Outcome::Tool { machine: Some(news), .. } = &fact.outcome {
        state.workspace.told(news, state.seq);
    }
    // What could not be had was not changed.
    if effect.may_change_sandbox() && state.workspace.machine != MachineState::Absent {
        state.workspace.changed();
    }
    match &fact.outcome {
        Outcome::Model { items, usage, stop, .. } => model_answered(state, items, *usage, *stop),
        Outcome::Tool { item, subagent, .. } => {
            if let Some(change) = subagent {
                state.subagents.entry(change.subagent.clone()).or_default();
            }
            state.transcript.push(Arc::new(item.clone()));
            remember_answered(state, &effect);
        }
        Outcome::Checkpoint { saved } => state.workspace.saved(saved, state.seq),
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

pub(super) fn subagent_reported(state: &mut SessionState, fact: &SubagentReported) {
    add_usage(state, fact.usage);
    state.subagents.insert(fact.subagent.clone(), fact.total);
    let spent = state.usage.cost_microusd.unwrap_or(0);
    let is_over = state.config().spend_limit_microusd.is_some_and(|limit| spent >= limit);
    if is_over && state.status == SessionStatus::Idle {
        state.status = SessionStatus::BudgetReached;
    }
}

fn model_answered(state: &mut SessionState, items: &[Item], usage: Usage, stop: StopReason) {
    add_usage(state, usage);
    let calls = items.iter().any(|item| matches!(item.body, ItemBody::ToolCall { .. }));
    for item in items {
        state.transcript.push(Arc::new(item.clone()));
    }
    if let Some(turn) = &mut state.turn {
        turn.output_count += u32::try_from(items.len()).unwrap_or(u32::MAX);
        turn.is_settled = !calls;
        turn.is_compacted = false;
        turn.failing = if calls { None } else { stopped_short(stop) };
    }
}

/// A refusal or an answer cut at the bound on tokens fails the turn; its text stays.
fn stopped_short(stop: StopReason) -> Option<(ErrorCode, String)> {
    match stop {
        StopReason::End => None,
        StopReason::Length => {
            let message = "the model's answer was cut at its bound on tokens";
            Some((ErrorCode::OutputLimitReached, message.to_owned()))
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

fn remember_answered(state: &mut SessionState, effect: &OpenEffect) {
    let EffectRequest::Tool { call_id, .. } = &effect.request else { return };
    if effect.phase != EffectPhase::AwaitsClient {
        return;
    }
    state.answered.push_back(call_id.clone());
    if state.answered.len() > ANSWERED_LIMIT_COUNT {
        state.answered.pop_front();
    }
}

/// A tool call has what the model reads; the effect is closed.
pub(super) fn call(state: &mut SessionState, id: &EffectId, output: &Item) {
    if state.effects.remove(id).is_some() {
        state.transcript.push(Arc::new(output.clone()));
    }
}
