//! `GET /v1/agents/sessions/{session}`: a session as it is now.

use axum::Json;
use axum::extract::State;

use super::SessionRows;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::wire::AgentSession;
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const GET: Doc = Doc::new("getSession", "Read a session");

/// Answers the session. Its `sequence_number` is where a stream begins that misses nothing.
pub(crate) async fn get(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(session): Ids<String>,
) -> Answer<Json<AgentSession>> {
    let rows = SessionRows::load(&state, &caller, &session).await?;
    Ok(Json(rows.show(&state).await?))
}
