//! `GET /v1/sandboxes/{sandbox}`: one sandbox, also where there is no machine now.

use axum::Json;
use axum::extract::State;

use super::find::find;
use super::object::SandboxDetails;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::agents::sessions::SessionRows;
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const GET: Doc = Doc::new("getSandbox", "A session's machine").extension();

/// Answers the sandbox.
pub(crate) async fn get(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(sandbox): Ids<String>,
) -> Answer<Json<SandboxDetails>> {
    let row = find(&state, &caller, &sandbox).await?;
    let rows = SessionRows::load(&state, &caller, row.id.as_str()).await?;
    Ok(Json(SandboxDetails::of(&state, rows).await?))
}
