//! `GET /v1/agents/sessions/{session}/artifacts/{artifact}`: what is known of an artifact.

use axum::Json;
use axum::extract::State;

use super::left::find_left;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::agents::sessions::rows::find;
use crate::openai::wire::SessionArtifact;
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const GET: Doc = Doc::new("getSessionArtifact", "Read what is known of an artifact");

/// Answers the artifact without its content.
pub(crate) async fn get(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids((session, artifact)): Ids<(String, String)>,
) -> Answer<Json<SessionArtifact>> {
    let session = find(&state, &caller, &session).await?;
    let (turn, left) = find_left(&state, &caller, &session, &artifact).await?;
    Ok(Json(left.show(&turn)))
}
