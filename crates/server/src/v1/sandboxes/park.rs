//! `POST /v1/sandboxes/{sandbox}/park`: a machine is put away, with its processes where its tier can.

use axum::Json;
use axum::extract::State;
use mainstay_protocol::{ErrorCode, Scope};

use super::find::find;
use super::object::SandboxDetails;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::agents::sessions::SessionRows;
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const PARK: Doc = Doc::new("parkSandbox", "Put a session's machine away")
    .refuses(&[ErrorCode::Conflict])
    .scope(Scope::Admin)
    .kept()
    .extension();

/// Parks the machine, and answers what is there then.
pub(crate) async fn park(
    State(state): State<AppState>,
    caller: Caller,
    Ids(sandbox): Ids<String>,
) -> Answer<Json<SandboxDetails>> {
    caller.require(Scope::Admin)?;
    let row = find(&state, &caller.0, &sandbox).await?;
    state.engine().park_sandbox(&caller.0, &row.id).await?;
    let rows = SessionRows::load(&state, &caller.0, row.id.as_str()).await?;
    Ok(Json(SandboxDetails::of(&state, rows).await?))
}
