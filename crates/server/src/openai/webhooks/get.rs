//! `GET /v1/webhook_endpoints/{webhook_endpoint}`: an endpoint without its secret.

use axum::Json;
use axum::extract::State;

use super::object::{ENDPOINT, WebhookEndpoint};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::resource::find;
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const GET: Doc = Doc::new("getWebhookEndpoint", "Read a webhook endpoint");

/// Answers the endpoint.
pub(crate) async fn get(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(endpoint): Ids<String>,
) -> Answer<Json<WebhookEndpoint>> {
    Ok(Json(WebhookEndpoint::of(&find(&state, &caller, ENDPOINT, &endpoint).await?)?))
}
