//! `/v1/agents/sessions/{session}/subagents`: agents that an agent made.
//!
//! Invariant: an agent makes none here, whatever its `multi_agent` says, which is kept and shown and
//! has no effect; so every list of a session that exists is empty, and no id of a subagent exists.

use axum::Json;
use axum::extract::{RawQuery, State};
use mainstay_protocol::{ApiError, Principal};

use crate::auth::Caller;
use crate::error::{Answer, not_found};
use crate::extract::Ids;
use crate::openai::agents::page::invalid_cursor;
use crate::openai::agents::sessions::rows::find;
use crate::openai::wire::{Item, List, PageQuery, Subagent, Turn};
use crate::openapi::{Doc, PAGE};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const LIST: Doc = Doc::new("listSubagents", "List a session's subagents").query(&[PAGE]);

/// Answers that there are none.
pub(crate) async fn list(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(session): Ids<String>,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<Subagent>>> {
    let query = PageQuery::parse(query.as_deref().unwrap_or_default())?;
    find(&state, &caller, &session).await?;
    if query.after.is_some() {
        return Err(invalid_cursor().into());
    }
    let has_more = false;
    Ok(Json(List::page(Vec::new(), has_more, |subagent: &Subagent| &subagent.id)))
}

/// Its entry in the document of the API.
pub(crate) const GET: Doc = Doc::new("getSubagent", "Read a subagent");

/// `GET …/{subagent}`: answers that it does not exist.
pub(crate) async fn get(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids((session, subagent)): Ids<(String, String)>,
) -> Answer<Json<Subagent>> {
    Err(missing(&state, &caller, &session, &subagent).await.into())
}

/// Its entry in the document of the API.
pub(crate) const ITEMS: Doc =
    Doc::new("listSubagentItems", "List what was said and done by a subagent").query(&[PAGE]);

/// `GET …/{subagent}/items`: answers that the subagent does not exist.
pub(crate) async fn items(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids((session, subagent)): Ids<(String, String)>,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<Item>>> {
    PageQuery::parse(query.as_deref().unwrap_or_default())?;
    Err(missing(&state, &caller, &session, &subagent).await.into())
}

/// Its entry in the document of the API.
pub(crate) const TURNS: Doc =
    Doc::new("listSubagentTurns", "List a subagent's turns").query(&[PAGE]);

/// `GET …/{subagent}/turns`: answers that the subagent does not exist.
pub(crate) async fn turns(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids((session, subagent)): Ids<(String, String)>,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<Turn>>> {
    PageQuery::parse(query.as_deref().unwrap_or_default())?;
    Err(missing(&state, &caller, &session, &subagent).await.into())
}

/// Its entry in the document of the API.
pub(crate) const TURN: Doc = Doc::new("getSubagentTurn", "Read a subagent's turn");

/// `GET …/{subagent}/turns/{turn}`: answers that the subagent does not exist.
pub(crate) async fn turn(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids((session, subagent, _turn)): Ids<(String, String, String)>,
) -> Answer<Json<Turn>> {
    Err(missing(&state, &caller, &session, &subagent).await.into())
}

/// Its entry in the document of the API.
pub(crate) const TURN_ITEMS: Doc =
    Doc::new("listSubagentTurnItems", "List what was said and done in a subagent's turn")
        .query(&[PAGE]);

/// `GET …/{subagent}/turns/{turn}/items`: answers that the subagent does not exist.
pub(crate) async fn turn_items(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids((session, subagent, _turn)): Ids<(String, String, String)>,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<Item>>> {
    PageQuery::parse(query.as_deref().unwrap_or_default())?;
    Err(missing(&state, &caller, &session, &subagent).await.into())
}

/// Why a subagent is not answered: its session does not exist, or it does not.
async fn missing(state: &AppState, caller: &Principal, session: &str, subagent: &str) -> ApiError {
    match find(state, caller, session).await {
        Ok(_) => not_found("subagent", subagent),
        Err(error) => error,
    }
}
