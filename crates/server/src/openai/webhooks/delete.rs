//! `DELETE /v1/webhook_endpoints/{webhook_endpoint}`: nothing more is sent there.

use axum::Json;
use axum::extract::State;

use super::object::ENDPOINT;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::resource::find;
use crate::openai::wire::{Deleted, DeletedObject};
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const DELETE: Doc = Doc::new("deleteWebhookEndpoint", "Delete a webhook endpoint");

/// Answers what was deleted. Deliveries that wait are dropped when they are due.
pub(crate) async fn delete(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(endpoint): Ids<String>,
) -> Answer<Json<Deleted>> {
    find(&state, &caller, ENDPOINT, &endpoint).await?;
    let control = state.engine().control();
    control.delete_resource(&caller, (ENDPOINT.0, &endpoint), None, Vec::new()).await?;
    state.engine().webhooks_changed(&caller.tenant);
    Ok(Json(Deleted::of(endpoint, DeletedObject::WebhookEndpoint)))
}
