//! `GET /v1/agents/sessions/{session}/turns/{turn}/items`: what was said and done in one turn.

use axum::Json;
use axum::extract::{RawQuery, State};

use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::agents::sessions::items::page_of_items;
use crate::openai::agents::sessions::rows::find_turn;
use crate::openai::wire::{Item, List, PageQuery};
use crate::openapi::{Doc, PAGE};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const ITEMS: Doc =
    Doc::new("listSessionTurnItems", "List what was said and done in a turn").query(&[PAGE]);

/// Answers a page of the turn's items.
pub(crate) async fn items(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids((session, turn)): Ids<(String, String)>,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<Item>>> {
    let query = PageQuery::parse(query.as_deref().unwrap_or_default())?;
    let (row, turn) = find_turn(&state, &caller, &session, &turn).await?;
    Ok(Json(page_of_items(&state, &row, query, Some(turn)).await?))
}
