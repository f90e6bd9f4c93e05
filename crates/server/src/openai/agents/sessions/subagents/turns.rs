//! `GET …/subagents/{subagent}/turns`, one of them, and its items.

use axum::Json;
use axum::extract::{RawQuery, State};
use mainstay_core::session::TurnRow;
use mainstay_core::subagent::SubagentRow;

use super::rows::find_subagent;
use crate::auth::Caller;
use crate::error::{Answer, not_found};
use crate::extract::{Ids, turn_id};
use crate::openai::agents::sessions::items::page_of_items;
use crate::openai::agents::sessions::rows::turn_of;
use crate::openai::agents::sessions::turns::{page_of_turns, shown};
use crate::openai::wire::{Item, List, PageQuery, Turn};
use crate::openapi::{Doc, PAGE};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const TURNS: Doc =
    Doc::new("listSubagentTurns", "List a subagent's turns").query(&[PAGE]);

/// `GET …/{subagent}/turns`: answers a page of the subagent's turns.
pub(crate) async fn turns(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids((session, subagent)): Ids<(String, String)>,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<Turn>>> {
    let query = PageQuery::parse(query.as_deref().unwrap_or_default())?;
    let (subagent, row) = find_subagent(&state, &caller, &session, &subagent).await?;
    let mut page = page_of_turns(&state, &row, &query).await?;
    page.data = page.data.into_iter().map(|turn| of_subagent(turn, &subagent)).collect();
    Ok(Json(page))
}

/// Its entry in the document of the API.
pub(crate) const TURN: Doc = Doc::new("getSubagentTurn", "Read a subagent's turn");

/// `GET …/{subagent}/turns/{turn}`: answers the turn as it is now.
pub(crate) async fn turn(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids((session, subagent, turn)): Ids<(String, String, String)>,
) -> Answer<Json<Turn>> {
    let (subagent, row) = find_subagent(&state, &caller, &session, &subagent).await?;
    let found = turn_of(&state, &row.id, &turn_id(&turn)?).await?;
    let found: TurnRow = found.ok_or_else(|| not_found("turn", &turn))?;
    let shown = shown(&state, &row, &found).await?;
    Ok(Json(of_subagent(shown, &subagent)))
}

/// Its entry in the document of the API.
pub(crate) const TURN_ITEMS: Doc =
    Doc::new("listSubagentTurnItems", "List what was said and done in a subagent's turn")
        .query(&[PAGE]);

/// `GET …/{subagent}/turns/{turn}/items`: answers a page of the turn's items.
pub(crate) async fn turn_items(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids((session, subagent, turn)): Ids<(String, String, String)>,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<Item>>> {
    let query = PageQuery::parse(query.as_deref().unwrap_or_default())?;
    let (_, row) = find_subagent(&state, &caller, &session, &subagent).await?;
    let found = turn_of(&state, &row.id, &turn_id(&turn)?).await?;
    let found: TurnRow = found.ok_or_else(|| not_found("turn", &turn))?;
    Ok(Json(page_of_items(&state, &row, query, Some(found)).await?))
}

/// The turn as one of the session at the top.
fn of_subagent(turn: Turn, subagent: &SubagentRow) -> Turn {
    Turn {
        session_id: subagent.parent.root.to_string(),
        subagent_id: Some(subagent.id.to_string()),
        ..turn
    }
}
