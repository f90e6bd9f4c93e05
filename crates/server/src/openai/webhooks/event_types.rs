//! `GET /v1/webhook_event_types`: what endpoints can be told of.

use axum::Json;
use mainstay_core::resource::WEBHOOK_EVENT_TYPES;
use schemars::JsonSchema;
use serde::Serialize;

use crate::auth::Caller;
use crate::openapi::Doc;

/// The types of events that this server sends.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct EventTypes {
    object: &'static str,
    data: [&'static str; WEBHOOK_EVENT_TYPES.len()],
}

/// Its entry in the document of the API.
pub(crate) const EVENT_TYPES: Doc =
    Doc::new("listWebhookEventTypes", "What endpoints can be told of");

/// Answers all types.
pub(crate) async fn event_types(_: Caller) -> Json<EventTypes> {
    Json(EventTypes { object: "list", data: WEBHOOK_EVENT_TYPES })
}
