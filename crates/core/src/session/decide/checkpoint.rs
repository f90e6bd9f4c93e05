//! Saving the session's machine: when, and what came of it.
//!
//! Invariant: a session has one checkpoint under way at a time. One that fails for good fails nothing
//! else: what it should have held stays counted, and the next turn's covers it.

use mainstay_protocol::{EffectId, ErrorCode};

use super::command::check_open;
use super::draft::Draft;
use super::outcome::{complete, retry};
use crate::effect::{EffectFailure, EffectRequest, Outcome};
use crate::port::{SandboxError, Saved, WorldChange};
use crate::retry::CHECKPOINT_MAX_ATTEMPTS;
use crate::session::command::Rejected;
use crate::session::open_effect::OpenEffect;
use crate::tool::Safety;

/// Somebody asks for a checkpoint.
pub(super) fn command(draft: &mut Draft<'_>) -> Result<(), Rejected> {
    check_open(&draft.state)?;
    if draft.state.config().sandbox.is_none() {
        let message = "the session has no environment, so there is nothing to save";
        return Err(Rejected::new(ErrorCode::InvalidParameter, message));
    }
    request(draft);
    Ok(())
}

/// Asks for a checkpoint unless one is under way.
pub(super) fn request(draft: &mut Draft<'_>) {
    if !draft.state.is_checkpointing() {
        draft.request(EffectRequest::Checkpoint, Safety::Idempotent);
    }
}

/// Asks for a checkpoint if there is something to save. True when there is one to wait for.
pub(super) fn before_end(draft: &mut Draft<'_>) -> bool {
    if draft.state.needs_checkpoint() {
        request(draft);
    }
    draft.state.is_checkpointing()
}

pub(super) fn saved(draft: &mut Draft<'_>, id: &EffectId, attempt: u32, saved: Saved) {
    complete(draft, id, attempt, Outcome::Checkpoint { saved });
}

pub(super) fn failed(
    draft: &mut Draft<'_>,
    id: &EffectId,
    open: &OpenEffect,
    error: &SandboxError,
) {
    let (code, retryable) = match error {
        SandboxError::NotStarted(_) | SandboxError::Broken(_) => (ErrorCode::ToolUnavailable, true),
        SandboxError::LimitReached(_) => (ErrorCode::LimitReached, true),
        SandboxError::Unavailable(_) | SandboxError::Invalid(_) => {
            (ErrorCode::ToolUnavailable, false)
        }
    };
    let message = format!("the workspace could not be saved: {error}");
    let failure = EffectFailure { code, message, world: WorldChange::No };
    let attempt = open.attempt;
    if retryable && attempt < CHECKPOINT_MAX_ATTEMPTS {
        return retry(draft, id, attempt, attempt, failure, None);
    }
    draft.failed(id, attempt, failure, None, None);
}
