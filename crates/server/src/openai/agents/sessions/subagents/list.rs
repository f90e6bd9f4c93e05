//! `GET …/subagents`: the agents that a session's agent made, and those that these made.

use axum::Json;
use axum::extract::{RawQuery, State};
use mainstay_core::subagent::{SUBAGENTS, SubagentRow};
use mainstay_protocol::RowKey;

use super::rows::find_subagent;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::agents::page::{PageScan, invalid_cursor, read_page};
use crate::openai::agents::sessions::rows::find;
use crate::openai::project::show_subagent;
use crate::openai::wire::{List, PageQuery, Subagent};
use crate::openapi::{Doc, PAGE};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const LIST: Doc = Doc::new("listSubagents", "List a session's subagents").query(&[PAGE]);

/// Answers a page of subagents, by age.
pub(crate) async fn list(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(session): Ids<String>,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<Subagent>>> {
    let query = PageQuery::parse(query.as_deref().unwrap_or_default())?;
    let root = find(&state, &caller, &session).await?;
    if let Some(after) = &query.after {
        let found = find_subagent(&state, &caller, &session, after).await;
        found.map_err(|_| invalid_cursor())?;
    }
    let scan = PageScan {
        spec: &SUBAGENTS,
        index: SUBAGENTS.indexes[0],
        prefix: &[root.id.as_str()],
        after: query.after.as_deref().map(|after| RowKey::new(&SUBAGENTS, &[after])),
    };
    let page =
        read_page(state.store(), scan, &query, |row: &SubagentRow| row.tenant == caller.tenant);
    let page = page.await?;
    let subagents = page.rows.iter().map(show_subagent).collect();
    Ok(Json(List::page(subagents, page.has_more, |subagent: &Subagent| &subagent.id)))
}
