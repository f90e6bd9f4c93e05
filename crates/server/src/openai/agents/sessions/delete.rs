//! `DELETE /v1/agents/sessions/{session}`: a session at rest is no longer there for clients.

use axum::Json;
use axum::extract::State;
use mainstay_core::session::Command;
use mainstay_protocol::ErrorCode;
use mainstay_runtime::Submission;

use crate::auth::Caller;
use crate::error::{Answer, Failure};
use crate::extract::{Ids, session_id};
use crate::openai::wire::Deleted;
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const DELETE: Doc = Doc::new("deleteSession", "Delete a session at rest");

/// Answers what was deleted. A session with an active turn must be cancelled first.
pub(crate) async fn delete(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(session): Ids<String>,
) -> Answer<Json<Deleted>> {
    let session = session_id(&session)?;
    let commands = vec![Command::Delete];
    let submission = Submission { caller: caller.clone(), commands, idempotency: None };
    match state.engine().submit(&session, submission).await {
        Ok(_) => {
            state.engine().forget_consents(&caller, &session).await;
            Ok(Json(Deleted::session(session)))
        }
        // The turn does not end by asking again.
        Err(error) if error.code == ErrorCode::Conflict => Err(Failure::is_final(error)),
        Err(error) => Err(error.into()),
    }
}
