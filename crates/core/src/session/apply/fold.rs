//! One total match over the kinds of facts, and what happens to the session as a whole.

use std::sync::Arc;

use mainstay_protocol::Entry;

use super::{effect, response, settle, turn};
use crate::fact::{Fact, SessionCreated, SessionUpdated, SpendLimit, UnknownFact};
use crate::session::config::{SessionConfig, SharedSources};
use crate::session::state::{SessionState, SessionStatus};

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
        Fact::SessionUpdated(fact) => session_updated(state, fact, at_ms),
        Fact::SessionFailed(fact) => {
            state.status = SessionStatus::Failed;
            state.failure = Some((fact.code, fact.message.clone()));
            response::rests(state);
        }
        Fact::SessionDeleted(_) => {
            state.is_deleted = true;
            state.effects.clear();
        }
        Fact::InputReceived(fact) => turn::input_received(state, fact, at_ms),
        Fact::ResponseRequested(fact) => response::requested(state, fact, at_ms),
        Fact::ResponseRemoved(fact) => response::removed(state, fact),
        Fact::ItemsAdded(fact) => response::items_added(state, fact),
        Fact::ItemRemoved(fact) => response::item_removed(state, fact),
        Fact::SessionForked(_) | Fact::SessionImported(_) => state.workspace.copied(),
        Fact::SessionClosed(_) => state.closed_at_ms = Some(at_ms),
        Fact::SessionReopened(_) => state.closed_at_ms = None,
        Fact::SubagentReported(fact) => settle::subagent_reported(state, fact),
        Fact::TurnStarted(_) => turn::turn_started(state, at_ms),
        Fact::TurnWaiting(_) => turn::turn_waiting(state),
        Fact::TurnResumed(_) => turn::turn_resumed(state),
        Fact::TurnEnded(fact) => turn::turn_ended(state, fact),
        Fact::EffectRequested(fact) => effect::effect_requested(state, fact),
        Fact::EffectAttempted(fact) => effect::effect_attempted(state, fact),
        Fact::EffectCompleted(fact) => settle::effect_completed(state, fact, at_ms),
        Fact::EffectFailed(fact) => effect::effect_failed(state, fact),
        Fact::EffectParked(fact) => effect::effect_parked(state, fact),
        Fact::EffectUnknown(fact) => effect::effect_unknown(state, fact),
        Fact::ApprovalResolved(fact) => effect::approval_resolved(state, fact),
        Fact::CallRefused(fact) => effect::call_refused(state, fact),
        Fact::SandboxOperated(fact) => state.workspace.operated(&fact.operation, state.seq),
    }
    turn::keep_time(state, at_ms);
}

fn session_created(state: &mut SessionState, fact: &SessionCreated, at_ms: u64) {
    state.config = Some(Arc::new(SessionConfig {
        id: fact.session.clone(),
        tenant: fact.tenant.clone(),
        agent: fact.agent.clone(),
        metadata: fact.metadata.clone(),
        spend_limit_microusd: fact.spend_limit_microusd,
        sandbox: fact.sandbox.clone(),
        wire: fact.wire.clone(),
        created_at_ms: at_ms,
        parent: fact.parent.clone(),
        sources: SharedSources::default(),
    }));
    state.tools = fact.tools.clone().map(|tools| (tools, at_ms));
}

fn session_updated(state: &mut SessionState, fact: &SessionUpdated, at_ms: u64) {
    let mut config = SessionConfig::clone(state.config());
    if let Some(agent) = &fact.agent {
        config.agent = agent.clone();
        config.sources = SharedSources::default();
        state.tools = fact.tools.clone().map(|tools| (tools, at_ms));
        if let Some(turn) = &mut state.turn {
            turn.candidate = 0;
        }
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
    state.status = match (state.status, affordable) {
        (SessionStatus::BudgetReached, true) => SessionStatus::Idle,
        (SessionStatus::Idle, false) => SessionStatus::BudgetReached,
        (status, _) => status,
    };
    state.config = Some(Arc::new(config));
}
