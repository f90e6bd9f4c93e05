//! `GET /v1/agents/{agent}`: a saved agent.

use axum::Json;
use axum::extract::State;
use mainstay_core::resource::{AGENTS, AgentRow};
use mainstay_protocol::{AgentId, ApiError, ErrorCode, Principal};

use super::definition::show_agent;
use super::page::{PageScan, read_page};
use crate::auth::Caller;
use crate::error::{Answer, not_found};
use crate::extract::Ids;
use crate::openai::wire::{Agent, Order, PageQuery};
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const GET: Doc = Doc::new("getAgent", "Read a saved agent");

/// Answers the agent at its current revision.
pub(crate) async fn get(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(agent): Ids<String>,
) -> Answer<Json<Agent>> {
    Ok(Json(show_agent(&find(&state, &caller, &agent).await?)))
}

/// The caller's agent of this id; a deleted one does not exist.
pub(crate) async fn find(
    state: &AppState,
    caller: &Principal,
    id: &str,
) -> Result<AgentRow, ApiError> {
    let missing = || not_found("agent", id);
    let id = AgentId::parse(id).map_err(|_| missing())?;
    let row = state.engine().control().agent(&caller.tenant, &id).await?;
    row.filter(|row| !row.is_deleted).ok_or_else(missing)
}

/// How many agents are looked at for a name.
const MAX_NAMED_AGENTS: u32 = 100;

/// The caller's newest agent of this name.
pub(crate) async fn find_by_name(
    state: &AppState,
    caller: &Principal,
    name: &str,
) -> Result<Option<AgentRow>, ApiError> {
    let scan = PageScan {
        spec: &AGENTS,
        index: AGENTS.indexes[0],
        prefix: &[caller.tenant.as_str()],
        after: None,
    };
    let newest = PageQuery { after: None, limit: MAX_NAMED_AGENTS, order: Order::Desc };
    let is_named = |row: &AgentRow| !row.is_deleted && row.definition.name.as_deref() == Some(name);
    let page = read_page(state.store(), scan, &newest, is_named).await;
    match page {
        Ok(page) => Ok(page.rows.into_iter().next()),
        // None among all that were looked at.
        Err(error) if error.code == ErrorCode::LimitReached => Ok(None),
        Err(error) => Err(error),
    }
}
