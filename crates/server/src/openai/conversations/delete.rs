//! `DELETE /v1/conversations/{conversation}`.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::get::find;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::state::AppState;

/// Answers that the conversation is gone, with what was said in it.
pub(crate) async fn delete(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(id): Ids<String>,
) -> Answer<Json<Value>> {
    let session = find(&state, &caller, &id).await?.id;
    state.engine().erase(&caller, &session).await?;
    Ok(Json(json!({"id": session, "object": "conversation.deleted", "deleted": true})))
}
