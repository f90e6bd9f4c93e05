//! `GET …/subagents/{subagent}/items`: what was said and done by a subagent.

use axum::Json;
use axum::extract::{RawQuery, State};

use super::rows::find_subagent;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::agents::sessions::items::page_of_items;
use crate::openai::wire::{Item, List, PageQuery};
use crate::openapi::{Doc, PAGE};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const ITEMS: Doc =
    Doc::new("listSubagentItems", "List what was said and done by a subagent").query(&[PAGE]);

/// Answers a page of the subagent's items.
pub(crate) async fn items(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids((session, subagent)): Ids<(String, String)>,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<Item>>> {
    let query = PageQuery::parse(query.as_deref().unwrap_or_default())?;
    let (_, row) = find_subagent(&state, &caller, &session, &subagent).await?;
    Ok(Json(page_of_items(&state, &row, query, None).await?))
}
