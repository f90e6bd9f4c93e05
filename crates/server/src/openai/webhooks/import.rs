//! `POST /v1/webhook_endpoints/import`: an endpoint under the id, and with the secret, that it had.

use axum::Json;
use axum::extract::State;
use mainstay_core::port::SecretText;
use mainstay_core::resource::{EndpointBody, ResourceRow, webhook_sealed_for};
use mainstay_protocol::Scope;
use mainstay_runtime::WebhookSecret;

use super::create::{check_room, new_endpoint};
use super::object::WebhookEndpoint;
use super::params::{EndpointCreateParams, EndpointImportParams, check_reach, sorted};
use crate::auth::Caller;
use crate::error::Answer;
use crate::openai::resource::{Asked, Import, import_answer};
use crate::openai::wire::At;
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const IMPORT: Doc =
    Doc::new("importWebhookEndpoint", "Bring an endpoint in under an id that it had")
        .scope(Scope::Import)
        .extension();

/// Answers the endpoint with its secret. The same endpoint brought in again is answered as it is.
pub(crate) async fn import(
    State(state): State<AppState>,
    caller: Caller,
    request: Asked<Import<EndpointImportParams>>,
) -> Answer<Json<WebhookEndpoint>> {
    let Asked { value: Import { id, value }, key } = request;
    import_answer(caller, async |caller| {
        let (params, given) = value.split();
        check_reach(&state, &params.url)?;
        check_room(&state, &caller).await?;
        let secret = match given.clone() {
            None => WebhookSecret::mint(state.engine().entropy().as_ref()),
            Some(text) => WebhookSecret::parse(text).ok_or_else(|| {
                At::Root
                    .field("signing_secret")
                    .invalid("is not 'whsec_' and 24 to 64 bytes in base 64")
            })?,
        };
        let again = EndpointCreateParams {
            name: params.name.clone(),
            url: params.url.clone(),
            event_types: sorted(params.event_types.clone()),
        };
        let new = new_endpoint(&state, &caller, id, params, &secret)?;
        let is_same = |row: &ResourceRow| is_same(&state, row, &again, given.as_ref());
        let control = state.engine().control();
        let row = control.create_resource(&caller, new, key, Some(&is_same)).await?;
        state.engine().webhooks_changed(&caller.tenant);
        WebhookEndpoint::with_secret(&state, &row)
    })
    .await
}

/// Whether an endpoint is the one that a request describes, with the secret if it has one.
fn is_same(
    state: &AppState,
    row: &ResourceRow,
    params: &EndpointCreateParams,
    secret: Option<&SecretText>,
) -> bool {
    let Ok(body) = row.read::<EndpointBody>() else { return false };
    let belongs_to = webhook_sealed_for(&row.tenant, &row.id);
    let is_secret = |given: &SecretText| {
        let opened = state.engine().seals().open(&belongs_to, &body.secret);
        opened.is_ok_and(|own| own == *given)
    };
    body.name == params.name
        && body.url == params.url
        && body.event_types == params.event_types
        && secret.is_none_or(is_secret)
}
