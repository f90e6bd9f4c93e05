//! `GET /v1/agents/environments/templates/{template}`: a template.

use axum::Json;
use axum::extract::State;

use super::object::{TEMPLATE, Template};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::resource::find;
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const GET: Doc = Doc::new("getEnvironmentTemplate", "Read a template");

/// Answers the template.
pub(crate) async fn get(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(template): Ids<String>,
) -> Answer<Json<Template>> {
    Ok(Json(Template::of(&find(&state, &caller, TEMPLATE, &template).await?)?))
}
