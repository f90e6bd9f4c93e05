//! `DELETE /v1/conversations/{conversation}`.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::get::find;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openapi::{Doc, schema_of, shape};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const DELETE: Doc = Doc::new("deleteConversation", "Delete a conversation")
    .answers(schema_of::<DeletedConversation>);

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

shape! {
    /// What was deleted.
    DeletedConversation = |_| json!({
        "type": "object",
        "required": ["id", "object", "deleted"],
        "properties": {
            "id": {"type": "string"},
            "object": {"const": "conversation.deleted"},
            "deleted": {"const": true},
        },
    })
}
