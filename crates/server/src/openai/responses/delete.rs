//! `DELETE /v1/responses/{response}`: a response is no longer found.

use axum::Json;
use axum::extract::State;
use mainstay_core::session::Command;
use mainstay_protocol::{ApiError, ErrorCode};
use mainstay_runtime::Submission;
use serde_json::{Value, json};

use super::rows;
use super::shapes::DeletedResponse;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openapi::{Doc, schema_of};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const DELETE: Doc =
    Doc::new("deleteResponse", "Delete a response").answers(schema_of::<DeletedResponse>);

/// Answers that the response is gone. What was said stays in its session until that is deleted.
pub(crate) async fn delete(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(response): Ids<String>,
) -> Answer<Json<Value>> {
    let row = rows::find(&state, &caller, &response).await?.row;
    if row.last_seq.is_none() {
        let message = format!("response {} is not done yet; cancel it first", row.id);
        return Err(ApiError::new(ErrorCode::SessionBusy, message).into());
    }
    let commands = vec![Command::RemoveResponse { response: row.id.clone() }];
    let submission = Submission { caller, commands, idempotency: None };
    state.engine().submit(&row.session, submission).await?;
    Ok(Json(json!({"id": row.id, "object": "response", "deleted": true})))
}
