//! Subagents: what they report to their parent, and how they are closed.
//!
//! Invariant: a report that came before changes nothing, so that it may come twice.

use mainstay_protocol::{EffectId, ErrorCode, SessionId, Usage};

use super::close::cancel;
use super::draft::Draft;
use crate::fact::{EffectParked, Fact, SessionClosed, SessionReopened, SubagentReported};
use crate::session::command::Rejected;
use crate::session::open_effect::EffectPhase;
use crate::session::state::SessionState;

/// A subagent came to rest or is gone: what it cost is this session's too, and whoever waits for it
/// looks again.
pub(super) fn report(draft: &mut Draft<'_>, subagent: &SessionId, total: Option<Usage>) {
    let known = draft.state.subagents.get(subagent).copied().unwrap_or_default();
    if let Some(total) = total.filter(|total| *total != known) {
        let (subagent, usage) = (subagent.clone(), total.since(known));
        draft.record(Fact::SubagentReported(SubagentReported { subagent, usage, total }));
    }
    let waiting = draft.state.open_effects().into_iter();
    let waiting: Vec<(EffectId, u32, bool)> = waiting
        .filter(|(_, open)| open.awaits_subagent(subagent))
        .map(|(id, open)| (id.clone(), open.attempt, open.phase == EffectPhase::Running))
        .collect();
    for (effect, attempt, is_running) in waiting {
        // An attempt under way may have looked before the subagent came to rest.
        if is_running {
            draft.abort(effect.clone());
        }
        draft.attempt(&effect, attempt + 1);
    }
}

/// Somebody speaks to a turn that waits for subagents: it is not left unheard until they rest.
pub(super) fn end_waits(draft: &mut Draft<'_>) {
    let parked = draft.state.open_effects().into_iter();
    let parked: Vec<(EffectId, u32)> = parked
        .filter(|(_, open)| open.phase.is_parked())
        .map(|(id, open)| (id.clone(), open.attempt))
        .collect();
    let until_ms = draft.facts.now_ms;
    for (effect, attempt) in parked {
        draft.record(Fact::EffectParked(EffectParked {
            effect: effect.clone(),
            attempt,
            until_ms,
        }));
        draft.attempt(&effect, attempt + 1);
    }
}

/// A subagent takes no more input. Nothing happens to one that is closed.
pub(super) fn close(draft: &mut Draft<'_>) -> Result<(), Rejected> {
    check_subagent(&draft.state)?;
    if draft.state.closed_at_ms.is_none() {
        cancel(draft);
        draft.record(Fact::SessionClosed(SessionClosed {}));
    }
    Ok(())
}

/// A subagent takes input again. Nothing happens to one that is open.
pub(super) fn reopen(draft: &mut Draft<'_>) -> Result<(), Rejected> {
    check_subagent(&draft.state)?;
    if draft.state.closed_at_ms.is_some() {
        draft.record(Fact::SessionReopened(SessionReopened {}));
    }
    Ok(())
}

fn check_subagent(state: &SessionState) -> Result<(), Rejected> {
    if state.config().parent.is_some() {
        return Ok(());
    }
    let message = format!("session {} is no subagent", state.journal);
    Err(Rejected::new(ErrorCode::Conflict, message))
}
