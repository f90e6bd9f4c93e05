//! Which session's sandbox a request means.

use mainstay_core::session::SessionRow;
use mainstay_protocol::{ApiError, ErrorCode, Principal};

use crate::error::not_found;
use crate::openai::agents::sessions::find_session;
use crate::openai::project::environment_session;
use crate::state::AppState;

/// The session whose sandbox is meant, by its own id or its environment's.
pub(super) async fn find(
    state: &AppState,
    caller: &Principal,
    id: &str,
) -> Result<SessionRow, ApiError> {
    let missing = || not_found("sandbox", id);
    let session = environment_session(id).map_or_else(|| id.to_owned(), |id| id.to_string());
    let found = find_session(state, caller, &session).await;
    let row =
        found.map_err(|error| if error.code == ErrorCode::NotFound { missing() } else { error })?;
    if row.workspace.is_none() {
        return Err(missing());
    }
    Ok(row)
}
