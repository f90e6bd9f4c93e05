//! What happens to the session as a whole: new settings, deletion, failure.

use mainstay_protocol::{EffectId, ErrorCode};

use super::close::{close_effects, end_turn};
use super::draft::Draft;
use crate::effect::EffectRequest;
use crate::fact::{Fact, SessionDeleted, SessionFailed, SessionUpdated, TurnEnd};
use crate::session::command::Rejected;
use crate::session::open_effect::EffectPhase;
use crate::session::state::SessionStatus;

pub(super) fn update(draft: &mut Draft<'_>, update: SessionUpdated) {
    let is_agent_new = update.agent.is_some();
    draft.record(Fact::SessionUpdated(update));
    if !is_agent_new {
        return;
    }
    // Whoever is learning the old agent's tools is asked for the new one's instead.
    let learning = draft.state.effects.iter().filter(|(_, open)| {
        open.request == EffectRequest::ResolveTools && open.phase == EffectPhase::Running
    });
    let learning: Vec<(EffectId, u32)> =
        learning.map(|(id, open)| (id.clone(), open.attempt)).collect();
    for (effect, attempt) in learning {
        draft.abort(effect.clone());
        draft.attempt(&effect, attempt + 1);
    }
}

pub(super) fn delete(draft: &mut Draft<'_>) -> Result<(), Rejected> {
    if !draft.state.is_resting() {
        return Err(Rejected::new(
            ErrorCode::Conflict,
            "the session has an active turn, which must be cancelled before the session is deleted",
        ));
    }
    let open: Vec<EffectId> = draft.state.effects.keys().cloned().collect();
    open.into_iter().for_each(|effect| draft.abort(effect));
    draft.record(Fact::SessionDeleted(SessionDeleted {}));
    Ok(())
}

/// The session fails, and its active turn with it. Nothing happens to one that failed before.
pub(super) fn fail(draft: &mut Draft<'_>, code: ErrorCode, message: String) {
    let exists = draft.state.config.is_some() && !draft.state.is_deleted;
    if !exists || draft.state.status == SessionStatus::Failed {
        return;
    }
    close_effects(draft, "the session failed");
    end_turn(draft, TurnEnd::Failed { code, message: message.clone() });
    draft.record(Fact::SessionFailed(SessionFailed { code, message }));
}
