//! `DELETE /v1/agents/sessions/{session}/artifacts/{artifact}`: an artifact is no longer found.

use axum::Json;
use axum::extract::State;
use mainstay_runtime::NewResource;
use serde_json::json;

use super::left::{DELETED, deleted_id, find_left};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::agents::sessions::rows::find;
use crate::openai::wire::{Deleted, DeletedObject};
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const DELETE: Doc = Doc::new("deleteSessionArtifact", "Delete an artifact");

/// Answers what was deleted. The file in the workspace stays, and so does the journal.
pub(crate) async fn delete(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids((session, artifact)): Ids<(String, String)>,
) -> Answer<Json<Deleted>> {
    let session = find(&state, &caller, &session).await?;
    find_left(&state, &caller, &session, &artifact).await?;
    let new = NewResource {
        kind: DELETED,
        id: deleted_id(&session.id, &artifact),
        parent: None,
        status: "deleted",
        created_at_ms: None,
        body: json!({}),
        tasks: Vec::new(),
    };
    let is_again = |_: &_| true;
    state.engine().control().create_resource(&caller, new, None, Some(&is_again)).await?;
    Ok(Json(Deleted::of(artifact, DeletedObject::Artifact)))
}
