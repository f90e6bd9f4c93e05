//! `GET /v1/agents`: saved agents.

use axum::Json;
use axum::extract::{RawQuery, State};
use mainstay_core::resource::{AGENTS, AgentRow};
use mainstay_protocol::RowKey;

use super::definition::show_agent;
use super::page::{PageScan, read_page};
use crate::auth::Caller;
use crate::error::Answer;
use crate::openai::wire::{Agent, List, PageQuery};
use crate::openapi::{Doc, PAGE};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const LIST: Doc = Doc::new("listAgents", "List saved agents").query(&[PAGE]);

/// Answers a page of the caller's agents.
pub(crate) async fn list(
    State(state): State<AppState>,
    Caller(caller): Caller,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<Agent>>> {
    let query = PageQuery::parse(query.as_deref().unwrap_or_default())?;
    let tenant = caller.tenant.as_str();
    let scan = PageScan {
        spec: &AGENTS,
        index: AGENTS.indexes[0],
        prefix: &[tenant],
        after: query.after.as_deref().map(|after| RowKey::new(&AGENTS, &[tenant, after])),
    };
    let page = read_page(state.store(), scan, &query, |row: &AgentRow| !row.is_deleted).await?;
    let agents = page.rows.iter().map(show_agent).collect();
    Ok(Json(List::page(agents, page.has_more, |agent: &Agent| &agent.id)))
}
