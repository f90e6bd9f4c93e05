//! `/v1/sandboxes`: the machines of sessions, for whoever operates them.
//!
//! Invariant: a sandbox has the id of its session, and is seen by its session's tenant alone. Whatever
//! changes a machine needs the scope `admin` and is in the session's journal with who did it.
//! Deliberately absent: files and checkpoints, which have routes of their own under environments and
//! sessions.

mod exec;
mod get;
mod list;
mod logs;
mod object;
mod park;
mod remove;
mod restore;
mod terminal;

pub(crate) use exec::{EXEC, exec};
pub(crate) use get::{GET, get};
pub(crate) use list::{LIST, list};
pub(crate) use logs::{LOGS, logs};
pub(crate) use park::{PARK, park};
pub(crate) use remove::{REMOVE, remove};
pub(crate) use restore::{RESTORE, restore};
pub(crate) use terminal::terminal;

use mainstay_core::session::SessionRow;
use mainstay_protocol::{ApiError, ErrorCode, Principal};

use crate::error::not_found;
use crate::openai::agents::sessions::find_session;
use crate::openai::project::environment_session;
use crate::state::AppState;

/// The session whose sandbox is meant, by its own id or its environment's.
async fn find(state: &AppState, caller: &Principal, id: &str) -> Result<SessionRow, ApiError> {
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
