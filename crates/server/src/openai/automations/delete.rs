//! `DELETE /v1/agents/automations/{automation}`: no further time, and no more list of those that were.

use axum::Json;
use axum::extract::State;
use mainstay_core::resource::{AUTOMATION_KIND, INVOCATION_KIND, automation_task};
use mainstay_protocol::TaskChange;

use super::object::AUTOMATION;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::resource::find;
use crate::openai::wire::{Deleted, DeletedObject};
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const DELETE: Doc = Doc::new("deleteAutomation", "Delete an automation");

/// Answers what was deleted. Sessions that it made stay.
pub(crate) async fn delete(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(automation): Ids<String>,
) -> Answer<Json<Deleted>> {
    find(&state, &caller, AUTOMATION, &automation).await?;
    let key = automation_task(AUTOMATION_KIND, &caller.tenant, &automation);
    let tasks = vec![TaskChange::Delete { key }];
    let target = (AUTOMATION_KIND, automation.as_str());
    let control = state.engine().control();
    control.delete_resource(&caller, target, Some(INVOCATION_KIND), tasks).await?;
    Ok(Json(Deleted::of(automation, DeletedObject::Automation)))
}
