//! `POST /v1/chat/completions`: one answer of a model, whole or in chunks.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use mainstay_core::port::{ModelPart, ModelReply};
use mainstay_protocol::{ApiError, ErrorCode};

use super::answer::completion;
use super::call::Call;
use super::chunks::open_chunks;
use super::record::Record;
use super::request::Asked;
use crate::auth::{Caller, CallerKey};
use crate::error::{Answer, Failure};
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
    if asked.stream.is_some() {
        let permit = state.admit_stream()?;
        let record = Record::begin(&state, &caller, key, &asked, &body).await?;
        return open_chunks(&state, asked, record, permit).await.map_err(refused);
    }
    let record = Record::begin(&state, &caller, key, &asked, &body).await?;
    let head = asked.head.clone();
    let mut call = Call::new(&state, asked.route, asked.request);
    let done = whole(&mut call).await;
    let kept = record.ended(call.stands(), &done).await;
    let reply = done.map_err(refused)?;
    // The model has answered: asked again it would answer, and cost, once more.
    kept.map_err(Failure::is_final)?;
    Ok(Json(completion(head, call.model(), reply, &mut state.mint())).into_response())
}

/// A request that the provider calls wrong is wrong however often it is sent.
fn refused(error: ApiError) -> Failure {
    match error.code {
        ErrorCode::ModelInvalid => Failure::is_final(error),
        _ => error.into(),
    }
}

async fn whole(call: &mut Call) -> Result<ModelReply, ApiError> {
    loop {
        if let ModelPart::Done(reply) = call.next().await? {
            return Ok(reply);
        }
    }
}
