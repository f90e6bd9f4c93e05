//! `POST /v1/chat/completions`: one answer of a model, whole or in chunks.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use mainstay_protocol::ErrorCode;

use super::answer::completion;
use super::chunks::open_chunks;
use super::record::Record;
use super::request::Asked;
use super::whole::{refused, whole};
use crate::auth::{Caller, CallerKey};
use crate::error::Answer;
use crate::extract::Checked;
use crate::openai::wire::{ChatCompletion, ChatCompletionChunk, ChatCompletionParams};
use crate::openapi::{Doc, schema_of};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const CREATE: Doc =
    Doc::new("createChatCompletion", "One answer of a model, without a session")
        .answers(schema_of::<ChatCompletion>)
        .streams_until(schema_of::<ChatCompletionChunk>, "[DONE]")
        .refuses(&[
            ErrorCode::NotFound,
            ErrorCode::BudgetReached,
            ErrorCode::ModelInvalid,
            ErrorCode::ModelRateLimited,
        ])
        .kept();

/// Answers with a completion, or with a stream of its chunks. A client that leaves ends the call.
pub(crate) async fn create(
    State(state): State<AppState>,
    Caller(caller): Caller,
    key: CallerKey,
    Checked { value: params, body, .. }: Checked<ChatCompletionParams>,
) -> Answer<Response> {
    let asked = Asked::read(&state, &caller, params).await?;
    if let Some(tells_usage) = asked.stream {
        let permit = state.admit_stream()?;
        let record = Record::begin(&state, &caller, key, &asked.question, &body).await?;
        let chunks = open_chunks(&state, asked.head, asked.question, tells_usage, record, permit);
        return chunks.await.map_err(refused);
    }
    let (model, reply) = whole(&state, &caller, key, asked.question, &body).await?;
    Ok(Json(completion(asked.head, &model, reply, &mut state.mint())).into_response())
}
