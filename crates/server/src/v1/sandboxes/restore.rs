//! `POST /v1/sandboxes/{sandbox}/restore`: a workspace goes back to a checkpoint of the journal.

use axum::Json;
use axum::extract::State;
use mainstay_protocol::{ApiError, ErrorCode, Scope};
use schemars::JsonSchema;
use serde::Deserialize;

use super::find::find;
use super::object::SandboxDetails;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::{Checked, Ids};
use crate::openai::agents::sessions::SessionRows;
use crate::openai::wire::{At, Validate};
use crate::openapi::Doc;
use crate::state::AppState;
use crate::v1::checkpoints;

/// `POST /v1/sandboxes/{sandbox}/restore`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SandboxRestoreParams")]
pub(crate) struct RestoreParams {
    /// The checkpoint's id, as in the list of the session's checkpoints.
    checkpoint: String,
}

impl Validate for RestoreParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        let is_id = checkpoints::seq_of(&self.checkpoint).is_ok();
        if is_id { Ok(()) } else { Err(at.field("checkpoint").invalid("is no checkpoint's id")) }
    }
}

/// Its entry in the document of the API.
pub(crate) const RESTORE: Doc =
    Doc::new("restoreSandbox", "Set a session's workspace back to a checkpoint")
        .refuses(&[ErrorCode::Conflict])
        .scope(Scope::Admin)
        .extension();

/// Ends the machine; the next call makes one from the checkpoint, and is told what it lost.
pub(crate) async fn restore(
    State(state): State<AppState>,
    caller: Caller,
    Ids(sandbox): Ids<String>,
    request: Checked<RestoreParams>,
) -> Answer<Json<SandboxDetails>> {
    caller.require(Scope::Admin)?;
    let seq = checkpoints::seq_of(&request.value.checkpoint)?;
    let row = find(&state, &caller.0, &sandbox).await?;
    state.engine().restore_sandbox(&caller.0, &row.id, seq).await?;
    let rows = SessionRows::load(&state, &caller.0, row.id.as_str()).await?;
    Ok(Json(SandboxDetails::of(&state, rows).await?))
}
