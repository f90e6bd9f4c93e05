//! `POST /v1/webhook_endpoints`: an endpoint with a signing secret of its own.

use axum::Json;
use axum::extract::State;
use mainstay_core::resource::{EndpointBody, WEBHOOK_KIND};
use mainstay_protocol::{ApiError, ErrorCode, Principal, WebhookEndpointId};
use mainstay_runtime::{MAX_ENDPOINTS_COUNT, NewResource, WebhookSecret};

use super::object::{ACTIVE, WebhookEndpoint, sealed};
use super::params::{EndpointCreateParams, check_reach, sorted};
use crate::auth::Caller;
use crate::error::Answer;
use crate::openai::resource::{Asked, to_body};
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const CREATE: Doc = Doc::new("createWebhookEndpoint", "Make a webhook endpoint");

/// Answers the endpoint with its secret, which is not shown again.
pub(crate) async fn create(
    State(state): State<AppState>,
    Caller(caller): Caller,
    request: Asked<EndpointCreateParams>,
) -> Answer<Json<WebhookEndpoint>> {
    let Asked { value: params, key } = request;
    check_reach(&state, &params.url)?;
    check_room(&state, &caller).await?;
    let id = WebhookEndpointId::mint(&mut state.mint()).to_string();
    let secret = WebhookSecret::mint(state.engine().entropy().as_ref());
    let new = new_endpoint(&state, &caller, id, params, &secret)?;
    let row = state.engine().control().create_resource(&caller, new, key, None).await?;
    state.engine().webhooks_changed(&caller.tenant);
    Ok(Json(WebhookEndpoint::with_secret(&state, &row)?))
}

/// An endpoint as a request describes it.
pub(super) fn new_endpoint(
    state: &AppState,
    caller: &Principal,
    id: String,
    params: EndpointCreateParams,
    secret: &WebhookSecret,
) -> Result<NewResource, ApiError> {
    let body = EndpointBody {
        name: params.name,
        url: params.url,
        event_types: sorted(params.event_types),
        secret: sealed(state, &caller.tenant, &id, secret)?,
        hint: secret.hint(),
        previous: None,
    };
    Ok(NewResource {
        kind: WEBHOOK_KIND,
        id,
        parent: None,
        status: ACTIVE,
        created_at_ms: None,
        body: to_body(&body),
        tasks: Vec::new(),
    })
}

/// Refuses more endpoints than are told.
pub(super) async fn check_room(state: &AppState, caller: &Principal) -> Result<(), ApiError> {
    let known = state.engine().control().resources(&caller.tenant, WEBHOOK_KIND, None).await?;
    if known.len() < MAX_ENDPOINTS_COUNT {
        return Ok(());
    }
    let message =
        format!("there are {MAX_ENDPOINTS_COUNT} webhook endpoints, the most there can be");
    Err(ApiError::new(ErrorCode::LimitReached, message))
}
