//! `POST /v1/responses/{response}/cancel`: a response in the background ends where it is.

use axum::Json;
use axum::extract::State;
use mainstay_core::session::Command;
use mainstay_protocol::{ApiError, ErrorCode};
use mainstay_runtime::Submission;
use serde_json::Value;

use super::rows;
use super::shapes::ResponseObject;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
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
) -> Answer<Json<Value>> {
    let head = rows::find(&state, &caller, &response).await?;
    if !head.echo.background {
        let message = "only a response that was made with 'background' can be cancelled";
        return Err(ApiError::new(ErrorCode::InvalidParameter, message).into());
    }
    if head.row.last_seq.is_none() {
        let commands = vec![Command::Cancel];
        let submission = Submission { caller, commands, idempotency: None };
        state.engine().submit(&head.row.session, submission).await?;
    }
    Ok(Json(rows::folded(&state, head).await?.show()))
}
