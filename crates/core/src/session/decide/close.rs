//! Ending a turn: cancelling, failing, and closing what was open.

use mainstay_protocol::{EffectId, ErrorCode};

use super::draft::Draft;
use super::unknown;
use crate::effect::{EffectFailure, EffectRequest};
use crate::fact::{Fact, SessionCopied, TurnEnd, TurnEnded};
use crate::port::{ToolOutput, WorldChange};
use crate::session::open_effect::{EffectPhase, OpenEffect};
use crate::session::state::{SessionState, TurnStatus};
use crate::tool::Safety;

pub(super) fn cancel(draft: &mut Draft<'_>) {
    if draft.state.turn.is_none() {
        return;
    }
    close_effects(draft, "the turn was cancelled");
    end_turn(draft, TurnEnd::Cancelled);
}

const WAS_COPIED: &str = "the session was copied while this was under way";

/// The entries so far are a copy. What was under way belongs to the original: here it ends, and is
/// not run a second time. What waits for the client or a person waits here too.
pub(super) fn copied(draft: &mut Draft<'_>, is_import: bool, origin: SessionCopied) {
    draft.record(if is_import {
        Fact::SessionImported(origin)
    } else {
        Fact::SessionForked(origin)
    });
    // The machine and the subagents are the original's.
    let own = |open: &OpenEffect| open.is_checkpoint() || open.phase.is_parked();
    let own = draft.state.open_effects().into_iter().filter(|(_, open)| own(open));
    let own: Vec<(EffectId, OpenEffect)> =
        own.map(|(id, open)| (id.clone(), open.clone())).collect();
    for (id, open) in own {
        close_effect(draft, &id, &open, WAS_COPIED);
    }
    let turn = draft.state.turn.as_ref();
    if turn.is_some_and(|turn| turn.status == TurnStatus::InProgress) {
        close_effects(draft, WAS_COPIED);
        end_turn(draft, TurnEnd::Cancelled);
    }
}

/// Closes every open effect but a checkpoint, which goes on: what may have changed the world is said to be unknown, and each tool
/// call gets an output, so that the transcript stays one that models accept.
pub(super) fn close_effects(draft: &mut Draft<'_>, why: &str) {
    let open = draft.state.open_effects().into_iter().filter(|(_, open)| !open.is_checkpoint());
    let open: Vec<(EffectId, OpenEffect)> =
        open.map(|(id, effect)| (id.clone(), effect.clone())).collect();
    for (id, effect) in open {
        close_effect(draft, &id, &effect, why);
    }
}

fn close_effect(draft: &mut Draft<'_>, id: &EffectId, open: &OpenEffect, why: &str) {
    let is_under_way = match open.phase {
        EffectPhase::Running | EffectPhase::Reconciling => true,
        EffectPhase::RetryAt(_)
        | EffectPhase::AwaitsClient
        | EffectPhase::AwaitsApproval { .. }
        | EffectPhase::Parked { .. }
        | EffectPhase::ReconcileAt(_)
        | EffectPhase::Unknown { .. } => false,
    };
    if is_under_way {
        draft.abort(id.clone());
    }
    let is_tool = matches!(open.request, EffectRequest::Tool { .. });
    if is_tool && may_have_happened(open) {
        let text = format!("{why} before this call had a result; it may have taken effect");
        return unknown::report(draft, id, why, &text);
    }
    let rest = if is_under_way { "has no result" } else { "was not carried out" };
    let item = draft.output_item(id, ToolOutput::error(format!("{why}; this call {rest}")));
    let failure = EffectFailure {
        code: ErrorCode::Conflict,
        message: why.to_owned(),
        world: WorldChange::No,
    };
    draft.failed(id, open.attempt, failure, None, item);
}

fn may_have_happened(open: &OpenEffect) -> bool {
    let is_maybe = match open.phase {
        EffectPhase::Running
        | EffectPhase::AwaitsClient
        | EffectPhase::Reconciling
        | EffectPhase::ReconcileAt(_)
        | EffectPhase::Unknown { .. } => true,
        EffectPhase::RetryAt(_)
        | EffectPhase::Parked { .. }
        | EffectPhase::AwaitsApproval { .. } => open.world == WorldChange::Maybe,
    };
    open.safety != Safety::ReadOnly && is_maybe
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
