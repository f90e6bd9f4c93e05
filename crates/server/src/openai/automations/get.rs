//! `GET /v1/agents/automations/{automation}`: an automation.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::object::Automation;
use super::object::{AUTOMATION, show_row};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::resource::find;
use crate::openapi::{Doc, schema_of};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const GET: Doc =
    Doc::new("getAutomation", "Read an automation").answers(schema_of::<Automation>);

/// Answers the automation.
pub(crate) async fn get(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(automation): Ids<String>,
) -> Answer<Json<Value>> {
    Ok(Json(show_row(&find(&state, &caller, AUTOMATION, &automation).await?)?))
}
