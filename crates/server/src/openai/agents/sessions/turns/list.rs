//! `GET /v1/agents/sessions/{session}/turns`: a session's turns.

use axum::Json;
use axum::extract::{RawQuery, State};
use mainstay_core::session::{SessionRow, TURNS, TurnRow};
use mainstay_protocol::{ApiError, RowKey, TurnId};

use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::agents::page::{PageScan, invalid_cursor, read_page};
use crate::openai::agents::sessions::rows::{config, find, turn_of};
use crate::openai::project::{SessionExtras, show_turn};
use crate::openai::wire::{List, PageQuery, Turn};
use crate::openapi::{Doc, PAGE};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const LIST: Doc = Doc::new("listSessionTurns", "List a session's turns").query(&[PAGE]);

/// Answers a page of turns.
pub(crate) async fn list(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(session): Ids<String>,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<Turn>>> {
    let query = PageQuery::parse(query.as_deref().unwrap_or_default())?;
    let row = find(&state, &caller, &session).await?;
    Ok(Json(page_of_turns(&state, &row, &query).await?))
}

/// A page of the turns of a session.
pub(crate) async fn page_of_turns(
    state: &AppState,
    row: &SessionRow,
    query: &PageQuery,
) -> Result<List<Turn>, ApiError> {
    let extras = SessionExtras::of(&config(state, &row.id).await?.wire);
    if let Some(after) = &query.after {
        let turn = TurnId::parse(after).map_err(|_| invalid_cursor())?;
        turn_of(state, &row.id, &turn).await?.ok_or_else(invalid_cursor)?;
    }
    let session = row.id.as_str();
    let scan = PageScan {
        spec: &TURNS,
        index: &[],
        prefix: &[session],
        after: query.after.as_deref().map(|after| RowKey::new(&TURNS, &[session, after])),
    };
    let page = read_page(state.store(), scan, query, |_: &TurnRow| true).await?;
    let turns = page.rows.iter().map(|row| show_turn(row, extras.prompt_cache_options)).collect();
    Ok(List::page(turns, page.has_more, |turn: &Turn| &turn.id))
}
