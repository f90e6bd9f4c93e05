//! `GET …/subagents/{subagent}`: a subagent.

use axum::Json;
use axum::extract::State;

use super::rows::find_subagent;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::project::show_subagent;
use crate::openai::wire::Subagent;
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const GET: Doc = Doc::new("getSubagent", "Read a subagent");

/// Answers the subagent as it is now.
pub(crate) async fn get(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids((session, subagent)): Ids<(String, String)>,
) -> Answer<Json<Subagent>> {
    let (row, _) = find_subagent(&state, &caller, &session, &subagent).await?;
    Ok(Json(show_subagent(&row)))
}
