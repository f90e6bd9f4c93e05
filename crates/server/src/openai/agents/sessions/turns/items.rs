//! `GET /v1/agents/sessions/{session}/turns/{turn}/items`: what was said and done in one turn.

use axum::Json;
use axum::extract::{RawQuery, State};
use mainstay_protocol::JournalId;

use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::agents::sessions::rows::find_turn;
use crate::openai::project::{ItemQuery, TurnSpan, list_items};
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
    let journal: JournalId = row.id.as_str().into();
    let span = TurnSpan { id: turn.id, first_seq: turn.first_seq, last_seq: turn.last_seq };
    let query = ItemQuery {
        after: query.after,
        limit: usize::try_from(query.limit).unwrap_or(usize::MAX),
        order: query.order,
        turn: Some(span),
    };
    Ok(Json(list_items(state.store(), &journal, &query).await?))
}
