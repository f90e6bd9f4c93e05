//! `POST /v1/webhook_endpoints/{webhook_endpoint}/test`: one signed sample, now and once.

use axum::Json;
use axum::extract::State;
use mainstay_core::resource::WebhookEvent;
use mainstay_protocol::ErrorCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::object::ENDPOINT;
use super::params::{TestParams, check_type};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::resource::{Asked, find};
use crate::openai::wire::At;
use crate::openapi::Doc;
use crate::state::AppState;

/// What an endpoint answered to a sample.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TestResult {
    object: &'static str,
    webhook_endpoint_id: String,
    event_type: String,
    status_code: u16,
    success: bool,
}

/// Its entry in the document of the API.
pub(crate) const TEST: Doc = Doc::new("testWebhookEndpoint", "Send a signed sample")
    .refuses(&[ErrorCode::WebhookUnreachable])
    .kept();

/// Answers the endpoint's status, whatever it is. Nothing is kept, and nothing tried again.
pub(crate) async fn test(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(endpoint): Ids<String>,
    request: Asked<TestParams>,
) -> Answer<Json<TestResult>> {
    let row = find(&state, &caller, ENDPOINT, &endpoint).await?;
    let kind = check_type(&At::Root.field("event_type"), &request.value.event_type)?;
    let data = match kind {
        "agent.session.action_required" => {
            json!({"id": "ses_sample", "required_action": {"type": "function_call"}})
        }
        _ => json!({"id": "ses_sample", "environment_type": "none"}),
    };
    let source = format!("sample/{}", state.engine().entropy().next());
    let event = WebhookEvent::new(kind, &source, data);
    let receipt = state.engine().test_webhook(&row, &event).await?;
    Ok(Json(TestResult {
        object: "webhook_endpoint.test",
        webhook_endpoint_id: endpoint,
        event_type: kind.to_owned(),
        status_code: receipt.status,
        success: true,
    }))
}
