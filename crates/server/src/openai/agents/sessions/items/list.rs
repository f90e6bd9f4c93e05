//! `GET /v1/agents/sessions/{session}/items`: what was said and done in a session.

use axum::Json;
use axum::extract::{RawQuery, State};
use mainstay_core::session::{SessionRow, TurnRow};
use mainstay_protocol::{ApiError, JournalId};

use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::agents::sessions::rows::find;
use crate::openai::project::{ItemQuery, TurnSpan, among_agents, list_items};
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
    Ok(Json(page_of_items(&state, &row, query, None).await?))
}

/// A page of the items of a session, or of one of its turns.
pub(crate) async fn page_of_items(
    state: &AppState,
    row: &SessionRow,
    query: PageQuery,
    turn: Option<TurnRow>,
) -> Result<List<Item>, ApiError> {
    let journal: JournalId = row.id.as_str().into();
    let span = |turn: TurnRow| TurnSpan {
        id: turn.id,
        first_seq: turn.first_seq,
        last_seq: turn.last_seq,
    };
    let query = ItemQuery {
        after: query.after,
        limit: usize::try_from(query.limit).unwrap_or(usize::MAX),
        order: query.order,
        turn: turn.map(span),
        agent: among_agents(row),
    };
    list_items(state.store(), &journal, &query).await
}
