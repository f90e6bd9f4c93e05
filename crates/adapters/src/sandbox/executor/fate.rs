//! What became of a command that this process, or the one before it, did not see the end of.

use std::sync::Arc;

use mainstay_core::port::{ExecOutput, Fate, Readiness, SandboxError};
use mainstay_protocol::EffectId;

use super::commands::{Process, RETURN_WAIT_MS};
use super::link::CallError;
use super::place::Place;

/// Asks the executor, if it has the session still in which the command was about to start.
pub(super) async fn fate(
    place: &Arc<Place>,
    effect: &EffectId,
) -> Result<Fate<ExecOutput>, SandboxError> {
    let Some(started) = place.started(effect).await else { return Ok(Fate::NotRun) };
    let Some(link) = place.link(RETURN_WAIT_MS).await else { return Ok(Fate::Gone) };
    if link.session() != started.executor_session {
        return Ok(Fate::Gone);
    }
    let now_ms = place.clock.now_ms();
    let mut process = Process::new(place, link, &started, None);
    match process.catch_up().await {
        Ok(()) => {}
        Err(CallError::Refused(_)) => return Ok(Fate::Gone),
        Err(error) => return Err(error.into()),
    }
    match process.end(now_ms, started.ends_by_ms).await {
        Ok(output) => Ok(Fate::Ended(output, Readiness::Running)),
        Err(SandboxError::Broken(_)) => Ok(Fate::Gone),
        Err(error) => Err(error),
    }
}
