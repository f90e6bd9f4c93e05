//! `GET /v1/agents/sessions/{session}/artifacts/{artifact}/content`: an artifact's bytes.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::left::find_left;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::agents::sessions::rows::find;
use crate::openapi::Doc;
use crate::state::AppState;

/// What an artifact is to a client that was not told: bytes, so that no browser runs it.
const BYTES: &str = "application/octet-stream";

/// Its entry in the document of the API.
pub(crate) const CONTENT: Doc = Doc::new("getSessionArtifactContent", "Read an artifact")
    .answers_bytes("application/octet-stream");

/// Answers the content as it was written.
pub(crate) async fn content(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids((session, artifact)): Ids<(String, String)>,
) -> Answer<Response> {
    let session = find(&state, &caller, &session).await?;
    let (_, left) = find_left(&state, &caller, &session, &artifact).await?;
    let content = left.content(&state, &session.id).await?;
    Ok(([(header::CONTENT_TYPE, BYTES)], content).into_response())
}
