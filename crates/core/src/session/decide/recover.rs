//! Time passed, or this process took the session over.

use mainstay_protocol::{EffectId, ErrorCode};

use super::close::{close_effects, end_turn};
use super::draft::Draft;
use super::{approval, checkpoint, unknown};
use crate::fact::TurnEnd;
use crate::session::open_effect::{EffectPhase, OpenEffect};
use crate::tool::Safety;

pub(super) fn tick(draft: &mut Draft<'_>) {
    let now = draft.facts.now_ms;
    if draft.state.wall_deadline_ms().is_some_and(|deadline| deadline <= now) {
        let limit = draft.state.config().agent.limits.max_wall_ms;
        let message = format!("the turn reached its limit of {limit} ms");
        close_effects(draft, "the turn reached its time limit");
        end_turn(draft, TurnEnd::Failed { code: ErrorCode::LimitReached, message });
        return;
    }
    if draft.state.is_checkpoint_due(now) {
        checkpoint::request(draft);
    }
    let is_due = |open: &OpenEffect| open.phase.due_at_ms().is_some_and(|at| at <= now);
    let open = draft.state.open_effects().into_iter();
    let due: Vec<EffectId> =
        open.filter(|(_, open)| is_due(open)).map(|(id, _)| id.clone()).collect();
    for effect in due {
        effect_due(draft, &effect);
    }
}

fn effect_due(draft: &mut Draft<'_>, effect: &EffectId) {
    let Some(open) = draft.state.effects.get(effect) else { return };
    let attempt = open.attempt;
    match open.phase.clone() {
        EffectPhase::RetryAt(_) => draft.attempt(effect, attempt + 1),
        EffectPhase::ReconcileAt(_) => {
            unknown::ask_tool(draft, effect, "asking again what became of the call");
        }
        EffectPhase::AwaitsApproval { approval, .. } => {
            approval::lapse(draft, &approval, effect, false);
        }
        EffectPhase::Unknown { approval, .. } => approval::lapse(draft, &approval, effect, true),
        EffectPhase::Parked { .. } => draft.attempt(effect, attempt + 1),
        EffectPhase::Running | EffectPhase::AwaitsClient | EffectPhase::Reconciling => {}
    }
}

/// Settles what the process before left without an outcome.
pub(super) fn recover(draft: &mut Draft<'_>) {
    let open: Vec<EffectId> =
        draft.state.open_effects().into_iter().map(|(id, _)| id.clone()).collect();
    for effect in open {
        let Some(state) = draft.state.effects.get(&effect) else { continue };
        match (&state.phase, state.safety) {
            (EffectPhase::Running, Safety::ReadOnly | Safety::Idempotent) => {
                let next = state.attempt + 1;
                draft.attempt(&effect, next);
            }
            (EffectPhase::Running, Safety::Once) => {
                unknown::outcome_unknown(draft, &effect, "the server stopped during the call");
            }
            (EffectPhase::Reconciling, _) => draft.dispatch_reconcile(&effect),
            (
                EffectPhase::RetryAt(_)
                | EffectPhase::AwaitsClient
                | EffectPhase::AwaitsApproval { .. }
                | EffectPhase::Parked { .. }
                | EffectPhase::ReconcileAt(_)
                | EffectPhase::Unknown { .. },
                _,
            ) => {}
        }
    }
}
