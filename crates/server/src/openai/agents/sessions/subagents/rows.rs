//! A session's subagents, for a caller who may see them.

use mainstay_core::session::SessionRow;
use mainstay_core::subagent::{SUBAGENTS, SubagentRow};
use mainstay_protocol::{ApiError, Principal, RowKey};

use crate::error::not_found;
use crate::extract::session_id;
use crate::openai::agents::page::read_row;
use crate::openai::agents::sessions::rows::find;
use crate::state::{AppState, store_error};

/// A subagent of the caller's session, with the session that it is.
pub(super) async fn find_subagent(
    state: &AppState,
    caller: &Principal,
    session: &str,
    subagent: &str,
) -> Result<(SubagentRow, SessionRow), ApiError> {
    let root = find(state, caller, session).await?;
    let missing = || not_found("subagent", subagent);
    let id = session_id(subagent).map_err(|_| missing())?;
    let key = RowKey::new(&SUBAGENTS, &[id.as_str()]);
    let row = state.store().row(&key).await.map_err(|error| store_error(&error))?;
    let row: Option<SubagentRow> = row.as_ref().map(read_row).transpose()?;
    let row = row.filter(|row| row.parent.root == root.id).ok_or_else(missing)?;
    let session = find(state, caller, id.as_str()).await.map_err(|_| missing())?;
    Ok((row, session))
}
