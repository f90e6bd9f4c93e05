//! Ending a turn: cancelling, failing, and closing what was open.

use mainstay_protocol::ErrorCode;

use super::draft::Draft;
use crate::effect::{EffectFailure, EffectRequest, UnknownNext};
use crate::fact::{EffectUnknown, Fact, TurnEnd, TurnEnded};
use crate::port::{ToolOutput, WorldChange};
use crate::session::state::{EffectPhase, SessionState};
use crate::tool::Safety;

pub(super) fn cancel(draft: &mut Draft<'_>) {
    if draft.state.turn.is_none() {
        return;
    }
    close_effects(draft, "the turn was cancelled");
    end_turn(draft, TurnEnd::Cancelled);
}

/// Closes every open effect: what may have changed the world is said to be unknown, and each tool
/// call gets an output, so that the transcript stays one that models accept.
pub(super) fn close_effects(draft: &mut Draft<'_>, why: &str) {
    let open: Vec<_> = draft.state.effects.keys().cloned().collect();
    for effect in open {
        draft.abort(effect.clone());
        let Some(state) = draft.state.effects.get(&effect) else { continue };
        let attempt = state.attempt;
        let is_tool = matches!(state.request, EffectRequest::Tool { .. });
        let may_have_happened = state.safety != Safety::ReadOnly
            && match state.phase {
                EffectPhase::Running
                | EffectPhase::Reconciling
                | EffectPhase::ReconcileAt(_)
                | EffectPhase::Unknown { .. } => true,
                EffectPhase::RetryAt(_)
                | EffectPhase::AwaitsClient
                | EffectPhase::AwaitsApproval { .. } => false,
            };
        if is_tool && may_have_happened {
            let text = format!("{why} while the call was under way; it may have taken effect");
            report_unknown(draft, &effect, why, &text);
            continue;
        }
        let item = draft.output_item(&effect, ToolOutput::error(format!("{why}; not carried out")));
        let failure = EffectFailure {
            code: ErrorCode::Conflict,
            message: why.to_owned(),
            world: WorldChange::No,
        };
        draft.failed(&effect, attempt, failure, None, item);
    }
}

/// Closes an effect whose outcome stays unknown, and tells the model so.
pub(super) fn report_unknown(
    draft: &mut Draft<'_>,
    effect: &mainstay_protocol::EffectId,
    reason: &str,
    text: &str,
) {
    let Some(item) = draft.output_item(effect, ToolOutput::error(text)) else { return };
    let attempt = draft.state.effects.get(effect).map_or(1, |effect| effect.attempt);
    draft.record(Fact::EffectUnknown(EffectUnknown {
        effect: effect.clone(),
        attempt,
        reason: reason.to_owned(),
        next: UnknownNext::Report { item: Box::new(item) },
    }));
}

pub(super) fn end_turn(draft: &mut Draft<'_>, end: TurnEnd) {
    let budget_reached = over_budget(&draft.state);
    let Some(turn) = &draft.state.turn else { return };
    let ended = TurnEnded {
        turn: turn.id.clone(),
        created_at_ms: turn.created_at_ms,
        started_at_ms: turn.started_at_ms,
        end,
        usage: turn.usage,
        budget_reached,
    };
    draft.record(Fact::TurnEnded(ended));
}

pub(super) fn over_budget(state: &SessionState) -> bool {
    let spent = state.usage.cost_microusd.unwrap_or(0);
    state.config().spend_limit_microusd.is_some_and(|limit| spent >= limit)
}
