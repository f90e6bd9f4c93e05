//! `DELETE /v1/agents/environments/templates/{template}`: the template is gone.

use axum::Json;
use axum::extract::State;

use super::object::TEMPLATE;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::resource::find;
use crate::openai::wire::{Deleted, DeletedObject};
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const DELETE: Doc = Doc::new("deleteEnvironmentTemplate", "Delete a template");

/// Answers what was deleted.
pub(crate) async fn delete(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(template): Ids<String>,
) -> Answer<Json<Deleted>> {
    find(&state, &caller, TEMPLATE, &template).await?;
    let control = state.engine().control();
    control.delete_resource(&caller, (TEMPLATE.0, &template), None, Vec::new()).await?;
    Ok(Json(Deleted::of(template, DeletedObject::EnvironmentTemplate)))
}
