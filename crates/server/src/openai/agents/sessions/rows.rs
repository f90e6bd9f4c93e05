//! A session's rows, for a caller who may see them.
//!
//! Invariant: another tenant's session does not exist. An id opens nothing by itself.

use mainstay_core::session::{ConfigRow, SESSION_CONFIGS, SESSIONS, SessionRow, TURNS, TurnRow};
use mainstay_protocol::{
    ApiError, ErrorCode, JournalId, Principal, RowKey, Seq, SessionId, TurnId,
};
use mainstay_store::{Direction, EntryRange};

use crate::error::not_found;
use crate::extract::{session_id, turn_id};
use crate::openai::agents::page::read_row;
use crate::openai::project::SessionView;
use crate::openai::wire::AgentSession;
use crate::state::{AppState, store_error};

/// A session and its settings.
pub(crate) struct SessionRows {
    pub(crate) row: SessionRow,
    pub(crate) config: ConfigRow,
}

impl SessionRows {
    /// The caller's session of this id.
    pub(crate) async fn load(
        state: &AppState,
        caller: &Principal,
        id: &str,
    ) -> Result<Self, ApiError> {
        let row = find(state, caller, id).await?;
        let config = config(state, &row.id).await?;
        Ok(Self { row, config })
    }

    /// The session as it is now.
    pub(crate) async fn show(&self, state: &AppState) -> Result<AgentSession, ApiError> {
        let head = head_seq(state, &self.row.id).await?;
        Ok(SessionView::of(&self.row, &self.config).show_row(&self.row, Some(head)))
    }
}

/// The caller's session of this id, without its settings.
pub(crate) async fn find(
    state: &AppState,
    caller: &Principal,
    id: &str,
) -> Result<SessionRow, ApiError> {
    let session = session_id(id)?;
    let key = RowKey::new(&SESSIONS, &[session.as_str()]);
    let row = state.store().row(&key).await.map_err(|error| store_error(&error))?;
    let row: Option<SessionRow> = row.as_ref().map(read_row).transpose()?;
    row.filter(|row| row.tenant == caller.tenant).ok_or_else(|| not_found("session", id))
}

/// A session's settings.
pub(crate) async fn config(state: &AppState, session: &SessionId) -> Result<ConfigRow, ApiError> {
    let key = RowKey::new(&SESSION_CONFIGS, &[session.as_str()]);
    let row = state.store().row(&key).await.map_err(|error| store_error(&error))?;
    let config = row.as_ref().map(read_row).transpose()?;
    config.ok_or_else(|| not_found("session", session.as_str()))
}

/// The caller's turn of these ids.
pub(crate) async fn find_turn(
    state: &AppState,
    caller: &Principal,
    session: &str,
    turn: &str,
) -> Result<(SessionRow, TurnRow), ApiError> {
    let row = find(state, caller, session).await?;
    let turn_row = turn_of(state, &row.id, &turn_id(turn)?).await?;
    Ok((row, turn_row.ok_or_else(|| not_found("turn", turn))?))
}

/// A session's turn.
pub(crate) async fn turn_of(
    state: &AppState,
    session: &SessionId,
    turn: &TurnId,
) -> Result<Option<TurnRow>, ApiError> {
    let key = RowKey::new(&TURNS, &[session.as_str(), turn.as_str()]);
    let row = state.store().row(&key).await.map_err(|error| store_error(&error))?;
    row.as_ref().map(read_row).transpose()
}

/// The last entry of a session.
async fn head_seq(state: &AppState, session: &SessionId) -> Result<Seq, ApiError> {
    let journal: JournalId = session.as_str().into();
    let newest = EntryRange { after: Seq::MAX, direction: Direction::Descending, limit_count: 1 };
    let entries =
        state.store().entries(&journal, newest).await.map_err(|error| store_error(&error))?;
    entries.first().map(|entry| entry.seq).ok_or_else(|| {
        ApiError::new(ErrorCode::JournalCorrupt, format!("session {session} has no entries"))
    })
}
