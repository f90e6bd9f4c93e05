//! `GET /v1/conversations/{conversation}`.

use axum::Json;
use axum::extract::State;
use mainstay_core::session::SessionRow;
use mainstay_protocol::{ApiError, Principal};
use serde_json::Value;

use super::show::Conversation;
use super::show::conversation;
use crate::auth::Caller;
use crate::error::{Answer, not_found};
use crate::extract::Ids;
use crate::openai::agents::sessions::find_session;
use crate::openapi::{Doc, schema_of};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const GET: Doc =
    Doc::new("getConversation", "Read a conversation").answers(schema_of::<Conversation>);

/// Answers the conversation.
pub(crate) async fn get(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(id): Ids<String>,
) -> Answer<Json<Value>> {
    Ok(Json(conversation(&find(&state, &caller, &id).await?)))
}

/// The caller's conversation of this id.
pub(super) async fn find(
    state: &AppState,
    caller: &Principal,
    id: &str,
) -> Result<SessionRow, ApiError> {
    find_session(state, caller, id).await.map_err(|error| match error.code {
        mainstay_protocol::ErrorCode::NotFound => not_found("conversation", id),
        _ => error,
    })
}
