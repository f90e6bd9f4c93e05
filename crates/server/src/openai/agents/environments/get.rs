//! `GET /v1/agents/environments/{environment}`: the environment of a session.

use axum::Json;
use axum::extract::State;

use super::object::{EnvironmentInfo, find, machines};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::agents::sessions::session_config;
use crate::openai::project::SessionExtras;
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const GET: Doc = Doc::new("getEnvironment", "Read an environment");

/// Answers the environment.
pub(crate) async fn get(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(environment): Ids<String>,
) -> Answer<Json<EnvironmentInfo>> {
    let row = find(&state, &caller, &environment).await?;
    let extras = SessionExtras::of(&session_config(&state, &row.id).await?.wire);
    let machines = machines(&state, Some(&row.id)).await;
    Ok(Json(EnvironmentInfo::of(&state, &row, extras, &machines).await))
}
