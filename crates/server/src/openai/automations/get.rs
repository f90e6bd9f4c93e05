//! `GET /v1/agents/automations/{automation}`: an automation.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::object::{AUTOMATION, show_row};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::resource::find;
use crate::state::AppState;

/// Answers the automation.
pub(crate) async fn get(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(automation): Ids<String>,
) -> Answer<Json<Value>> {
    Ok(Json(show_row(&find(&state, &caller, AUTOMATION, &automation).await?)?))
}
