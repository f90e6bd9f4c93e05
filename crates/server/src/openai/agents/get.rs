//! `GET /v1/agents/{agent}`: a saved agent.

use axum::Json;
use axum::extract::State;
use mainstay_core::resource::AgentRow;
use mainstay_protocol::{AgentId, ApiError, Principal};

use super::definition::show_agent;
use crate::auth::Caller;
use crate::error::{Answer, not_found};
use crate::extract::Ids;
use crate::openai::wire::Agent;
use crate::state::AppState;

/// Answers the agent at its current revision.
pub(crate) async fn get(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(agent): Ids<String>,
) -> Answer<Json<Agent>> {
    Ok(Json(show_agent(&find(&state, &caller, &agent).await?)))
}

/// The caller's agent of this id; a deleted one does not exist.
pub(super) async fn find(
    state: &AppState,
    caller: &Principal,
    id: &str,
) -> Result<AgentRow, ApiError> {
    let missing = || not_found("agent", id);
    let id = AgentId::parse(id).map_err(|_| missing())?;
    let row = state.engine().control().agent(&caller.tenant, &id).await?;
    row.filter(|row| !row.is_deleted).ok_or_else(missing)
}
