//! `GET /v1/agents/sessions`: the caller's sessions, by agent and metadata if asked.

use axum::Json;
use axum::extract::{RawQuery, State};
use mainstay_core::session::{SESSIONS, SessionRow};
use mainstay_protocol::RowKey;

use super::rows::config;
use crate::auth::Caller;
use crate::error::Answer;
use crate::openai::agents::page::{PageScan, read_page};
use crate::openai::project::SessionView;
use crate::openai::wire::{AgentSession, List, SessionListQuery};
use crate::openapi::{Doc, PAGE, Param};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const LIST: Doc = Doc::new("listSessions", "List sessions").query(&[
    PAGE,
    &[
        Param::id("agent_id", "Only sessions of this agent."),
        Param::pairs("metadata", "Only sessions that have all these pairs."),
    ],
]);

/// Answers a page of sessions.
pub(crate) async fn list(
    State(state): State<AppState>,
    Caller(caller): Caller,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<AgentSession>>> {
    let query = SessionListQuery::parse(query.as_deref().unwrap_or_default())?;
    let tenant = caller.tenant.as_str();
    let by_agent = [Some(tenant), query.agent_id.as_deref()];
    let prefix: Vec<&str> = by_agent.into_iter().flatten().collect();
    let scan = PageScan {
        spec: &SESSIONS,
        // The second index has the agent behind the tenant.
        index: SESSIONS.indexes[prefix.len() - 1],
        prefix: &prefix,
        after: query.page.after.as_deref().map(|after| RowKey::new(&SESSIONS, &[after])),
    };
    // Subagents are listed with the session that they belong to.
    let fits = |row: &SessionRow| {
        row.parent.is_none()
            && query.metadata.iter().all(|(key, value)| row.metadata.get(key) == Some(value))
    };
    let page = read_page(state.store(), scan, &query.page, fits).await?;
    let mut sessions = Vec::with_capacity(page.rows.len());
    for row in &page.rows {
        let config = config(&state, &row.id).await?;
        sessions.push(SessionView::of(row, &config).show_row(row, None));
    }
    Ok(Json(List::page(sessions, page.has_more, |session: &AgentSession| &session.id)))
}
