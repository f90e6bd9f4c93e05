//! `POST /v1/agents/sessions/{session}/events`: input for a session, all of it or nothing.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use mainstay_runtime::Submission;

use super::input::commands;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::{Checked, Ids, session_id};
use crate::openai::wire::EventCreateParams;
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const SUBMIT: Doc =
    Doc::new("createSessionEvents", "Give a session input").answers_nothing(202);

/// Answers 202 without a body once the input is durable.
pub(crate) async fn submit(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(session): Ids<String>,
    request: Checked<EventCreateParams>,
) -> Answer<Response> {
    let session = session_id(&session)?;
    let commands = commands(request.value.events)?;
    let submission = Submission { caller, commands, idempotency: request.idempotency };
    state.engine().submit(&session, submission).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
