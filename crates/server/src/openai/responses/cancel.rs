//! `POST /v1/responses/{response}/cancel`: a response in the background ends where it is.

use axum::Json;
use axum::extract::State;
use mainstay_core::session::Command;
use mainstay_protocol::{ApiError, ErrorCode, sha256_hex};
use mainstay_runtime::{Idempotency, RequestKey, Submission};
use serde_json::Value;

use super::rows;
use super::shapes::ResponseObject;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::resource::{Asked, Nothing};
use crate::openapi::{Doc, schema_of};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const CANCEL: Doc = Doc::new("cancelResponse", "End a response in the background")
    .answers(schema_of::<ResponseObject>);

/// Answers the response as it is then; one that is done already stays what it is.
pub(crate) async fn cancel(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(response): Ids<String>,
    Asked { key, .. }: Asked<Nothing>,
) -> Answer<Json<Value>> {
    let head = rows::find(&state, &caller, &response).await?;
    if !head.echo.background {
        let message = "only a response that was made with 'background' can be cancelled";
        return Err(ApiError::new(ErrorCode::InvalidParameter, message).into());
    }
    if head.row.last_seq.is_none() {
        let commands = vec![Command::Cancel];
        // A key counts in the session, where it must not stand for another response.
        let idempotency = key.map(|RequestKey { scope, idempotency }| Idempotency {
            body_sha256: sha256_hex(scope.as_bytes()),
            ..idempotency
        });
        let submission = Submission { caller, commands, idempotency };
        state.engine().submit(&head.row.session, submission).await?;
    }
    Ok(Json(rows::folded(&state, head).await?.show()))
}
