//! What happens next: one look at the state after every command, until nothing follows.

use mainstay_protocol::ErrorCode;

use super::checkpoint;
use super::close::{self, end_turn};
use super::draft::Draft;
use crate::effect::EffectRequest;
use crate::fact::{Fact, TurnEnd, TurnResumed, TurnStarted, TurnWaiting};
use crate::session::context;
use crate::session::open_effect::OpenEffect;
use crate::session::state::{SessionState, SessionStatus, Turn, TurnStatus};
use crate::tool::Safety;

/// How long an agent's remote tools are believed before a new turn asks again.
const TOOLS_FRESH_MS: u64 = 300_000;

pub(super) fn advance(draft: &mut Draft<'_>) {
    // Each round records a fact, ends a turn or returns; a queue is bounded, so this ends.
    loop {
        if draft.state.status == SessionStatus::Failed {
            return;
        }
        let Some(turn) = &draft.state.turn else {
            if !start_queued(draft) {
                // A turn that was cancelled or ran out of time ended at once.
                checkpoint::before_end(draft);
                return;
            }
            continue;
        };
        if let Some((code, message)) = turn.failing.clone() {
            close::close_effects(draft, "the turn failed");
            if !finish(draft, TurnEnd::Failed { code, message }) {
                return;
            }
            continue;
        }
        if !draft.state.effects.is_empty() {
            settle_status(draft);
            return;
        }
        if !next_effect(draft) {
            return;
        }
    }
}

fn start_queued(draft: &mut Draft<'_>) -> bool {
    let blocked = draft.state.status == SessionStatus::BudgetReached || draft.state.is_deleted;
    let Some(next) = draft.state.queue.front().filter(|_| !blocked) else { return false };
    let started = TurnStarted { turn: next.id.clone(), created_at_ms: next.created_at_ms };
    draft.record(Fact::TurnStarted(started));
    true
}

/// Ends the turn once its machine is saved. False when there is that to wait for.
fn finish(draft: &mut Draft<'_>, end: TurnEnd) -> bool {
    if checkpoint::before_end(draft) {
        return false;
    }
    end_turn(draft, end);
    true
}

/// Effects are open: the turn waits when only the client or a person can move it. A checkpoint that is
/// made meanwhile makes no difference.
fn settle_status(draft: &mut Draft<'_>) {
    // A wait for subagents asks nothing of the client: beside one of its calls it makes no difference.
    let is_other = |effect: &&OpenEffect| !effect.is_checkpoint() && !effect.phase.is_parked();
    let mut others = draft.state.effects.values().filter(is_other).peekable();
    let waits = others.peek().is_some() && others.all(|effect| effect.phase.is_waiting());
    let Some(turn) = &draft.state.turn else { return };
    match (waits, turn.status) {
        (true, TurnStatus::InProgress) => {
            let required = draft.state.required_actions();
            let turn = turn.id.clone();
            draft.record(Fact::TurnWaiting(TurnWaiting { turn, required }));
        }
        (false, TurnStatus::Waiting) => resume(draft),
        _ => {}
    }
}

fn resume(draft: &mut Draft<'_>) {
    if let Some(turn) = &draft.state.turn {
        let turn = turn.id.clone();
        draft.record(Fact::TurnResumed(TurnResumed { turn }));
    }
}

/// No effect is open: the next one, or the turn's end. False when an effect was requested.
fn next_effect(draft: &mut Draft<'_>) -> bool {
    if draft.state.turn.as_ref().is_some_and(|turn| turn.status == TurnStatus::Waiting) {
        resume(draft);
        return true;
    }
    if draft.state.turn.as_ref().is_some_and(Turn::has_said_all) {
        return finish(draft, TurnEnd::Completed);
    }
    if let Some(message) = limit_reached(&draft.state) {
        return finish(draft, TurnEnd::Failed { code: ErrorCode::LimitReached, message });
    }
    if close::over_budget(&draft.state) {
        let message = "the session's spend limit is reached".to_owned();
        return finish(draft, TurnEnd::Failed { code: ErrorCode::BudgetReached, message });
    }
    if needs_tools(draft) {
        draft.request(EffectRequest::ResolveTools, Safety::ReadOnly);
        return false;
    }
    if compact(draft) {
        return false;
    }
    call_model(draft);
    false
}

fn limit_reached(state: &SessionState) -> Option<String> {
    let turn = state.turn.as_ref()?;
    let limits = state.config().agent.limits;
    if turn.steps >= limits.max_steps {
        return Some(format!("the turn reached its limit of {} model calls", limits.max_steps));
    }
    if turn.tool_calls > limits.max_tool_calls {
        return Some(format!("the turn reached its limit of {} tool calls", limits.max_tool_calls));
    }
    if turn.usage.total_tokens() >= limits.max_tokens {
        return Some(format!("the turn reached its limit of {} tokens", limits.max_tokens));
    }
    None
}

fn needs_tools(draft: &Draft<'_>) -> bool {
    let state = &draft.state;
    let is_remote = state.config().agent.tools.iter().any(crate::tool::ToolSource::is_remote);
    match &state.tools {
        None => true,
        Some((_, learnt_at_ms)) => {
            let first_step = state.turn.as_ref().is_some_and(|turn| turn.steps == 0);
            let stale = draft.facts.now_ms.saturating_sub(*learnt_at_ms) > TOOLS_FRESH_MS;
            is_remote && first_step && stale
        }
    }
}

fn compact(draft: &mut Draft<'_>) -> bool {
    let Some(turn) = draft.state.turn.as_ref().filter(|turn| !turn.is_compacted) else {
        return false;
    };
    let Some(model) = draft.state.config().agent.route().nth(turn.candidate).map(str::to_owned)
    else {
        return false;
    };
    let window = draft.window(&model);
    let Some(cut) = context::cut_for(&draft.state, window, false) else { return false };
    draft.request(EffectRequest::Compact { model, cut }, Safety::ReadOnly);
    true
}

fn call_model(draft: &mut Draft<'_>) {
    let Some(turn) = &draft.state.turn else { return };
    let candidate = turn.candidate;
    let context = draft.state.transcript.len() + turn.pending_input.len();
    let agent = draft.state.config().agent.clone();
    let model = agent.route().nth(candidate).unwrap_or(&agent.model).to_owned();
    draft.request(EffectRequest::Model { model, candidate, context }, Safety::ReadOnly);
}
