//! `POST /v1/webhook_endpoints/{webhook_endpoint}/rotate_secret`: a new signing secret.

use axum::Json;
use axum::extract::State;
use mainstay_core::resource::{EndpointBody, PreviousSecret};
use mainstay_runtime::{ResourceChange, WebhookSecret};

use super::object::{ENDPOINT, WebhookEndpoint, sealed};
use super::params::RotateParams;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::resource::{Asked, body_of, find, to_body};
use crate::openapi::Doc;
use crate::state::AppState;

/// How long the old secret counts beside the new one, if that is asked for.
const OVERLAP_MS: u64 = 24 * 60 * 60 * 1_000;

/// Its entry in the document of the API.
pub(crate) const ROTATE_SECRET: Doc = Doc::new("rotateWebhookSecret", "Get a new signing secret");

/// Answers the endpoint with its new secret, which is not shown again.
pub(crate) async fn rotate_secret(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(endpoint): Ids<String>,
    request: Asked<RotateParams>,
) -> Answer<Json<WebhookEndpoint>> {
    find(&state, &caller, ENDPOINT, &endpoint).await?;
    let Asked { value: params, key } = request;
    let secret = WebhookSecret::mint(state.engine().entropy().as_ref());
    let new = sealed(&state, &caller.tenant, &endpoint, &secret)?;
    let control = state.engine().control();
    let changed = control.change_resource(&caller, (ENDPOINT.0, &endpoint), key, |found| {
        let mut row = found.row;
        let body: EndpointBody = body_of(&row)?;
        let old = PreviousSecret {
            secret: body.secret.clone(),
            until_ms: found.now_ms.saturating_add(OVERLAP_MS),
        };
        row.body = to_body(&EndpointBody {
            secret: new.clone(),
            hint: secret.hint(),
            previous: params.keep_old_secret_active_for_24_hours.then_some(old),
            ..body
        });
        Ok(Some(ResourceChange::of("resource.rotated", row)))
    });
    Ok(Json(WebhookEndpoint::with_secret(&state, &changed.await?)?))
}
