//! `POST /v1/webhook_endpoints/{webhook_endpoint}`: its name, address and events.

use axum::Json;
use axum::extract::State;
use mainstay_core::resource::EndpointBody;
use mainstay_runtime::ResourceChange;

use super::object::{ENDPOINT, WebhookEndpoint};
use super::params::{EndpointUpdateParams, check_reach, sorted};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::resource::{Asked, body_of, find, to_body};
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const UPDATE: Doc = Doc::new("updateWebhookEndpoint", "Change a webhook endpoint");

/// Answers the endpoint as it is now. Deliveries that wait go to the new address.
pub(crate) async fn update(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(endpoint): Ids<String>,
    request: Asked<EndpointUpdateParams>,
) -> Answer<Json<WebhookEndpoint>> {
    find(&state, &caller, ENDPOINT, &endpoint).await?;
    let Asked { value: params, key } = request;
    if let Some(url) = &params.url {
        check_reach(&state, url)?;
    }
    let control = state.engine().control();
    let changed = control.change_resource(&caller, (ENDPOINT.0, &endpoint), key, |found| {
        let mut row = found.row;
        let before: EndpointBody = body_of(&row)?;
        let kept = before.clone();
        let body = EndpointBody {
            name: params.name.clone().unwrap_or(kept.name),
            url: params.url.clone().unwrap_or(kept.url),
            event_types: params.event_types.clone().map_or(kept.event_types, sorted),
            ..kept
        };
        if body == before {
            return Ok(None);
        }
        row.body = to_body(&body);
        Ok(Some(ResourceChange::of("resource.updated", row)))
    });
    let row = changed.await?;
    state.engine().webhooks_changed(&caller.tenant);
    Ok(Json(WebhookEndpoint::of(&row)?))
}
