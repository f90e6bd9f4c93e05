//! `DELETE /v1/agents/{agent}`: its sessions stay readable and take no new turns.

use axum::Json;
use axum::extract::State;

use super::get::find;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::wire::Deleted;
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const DELETE: Doc = Doc::new("deleteAgent", "Delete a saved agent");

/// Answers what was deleted.
pub(crate) async fn delete(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(agent): Ids<String>,
) -> Answer<Json<Deleted>> {
    let row = find(&state, &caller, &agent).await?;
    state.engine().control().delete_agent(&caller, &row.id).await?;
    Ok(Json(Deleted::agent(row.id)))
}
