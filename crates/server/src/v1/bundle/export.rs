//! `GET /v1/agents/sessions/{session}/export`: a session in one file.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::{Ids, session_id};
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const EXPORT: Doc = Doc::new("exportSession", "A session in one file")
    .answers_bytes("application/x-tar")
    .extension();

/// Answers the session's bundle.
pub(crate) async fn export(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(session): Ids<String>,
) -> Answer<Response> {
    let session = session_id(&session)?;
    let bundle = state.engine().export(&caller, &session).await?;
    let name = format!("attachment; filename=\"{session}.mainstay.tar\"");
    let name = HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment"));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/x-tar")),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, bundle).into_response())
}
