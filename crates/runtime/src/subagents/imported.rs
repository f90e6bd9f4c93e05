//! Subagents that are brought in from elsewhere.

use mainstay_core::fact::Fact;
use mainstay_protocol::{ApiError, Entry, ErrorCode, Principal};

use crate::engine::Engine;

/// Whether the sessions that a journal's session is a subagent of are here, and the caller's.
pub(crate) async fn has_parent(
    engine: &Engine,
    caller: &Principal,
    entries: &[Entry],
) -> Result<bool, ApiError> {
    let Some(first) = entries.first() else { return Ok(false) };
    let Ok(Fact::SessionCreated(created)) = Fact::read(first) else { return Ok(false) };
    let Some(parent) = created.parent else { return Ok(false) };
    for session in [&parent.session, &parent.root] {
        match engine.session_of(session, caller).await {
            Ok(_) => {}
            Err(error) if error.code == ErrorCode::NotFound => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}
