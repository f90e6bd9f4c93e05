//! `GET /v1/agents/sessions/{session}/items`: what was said and done in a session.

use axum::Json;
use axum::extract::{RawQuery, State};
use mainstay_protocol::JournalId;

use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::agents::sessions::rows::find;
use crate::openai::project::{ItemQuery, list_items};
use crate::openai::wire::{Item, List, PageQuery};
use crate::openapi::{Doc, PAGE};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const LIST: Doc =
    Doc::new("listSessionItems", "List what was said and done").query(&[PAGE]);

/// Answers a page of items.
pub(crate) async fn list(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(session): Ids<String>,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<Item>>> {
    let query = PageQuery::parse(query.as_deref().unwrap_or_default())?;
    let row = find(&state, &caller, &session).await?;
    let journal: JournalId = row.id.as_str().into();
    let query = ItemQuery {
        after: query.after,
        limit: usize::try_from(query.limit).unwrap_or(usize::MAX),
        order: query.order,
        turn: None,
    };
    Ok(Json(list_items(state.store(), &journal, &query).await?))
}
