//! `GET /v1/webhook_event_types`: what endpoints can be told of.

use axum::Json;
use mainstay_core::resource::WEBHOOK_EVENT_TYPES;
use serde::Serialize;

use crate::auth::Caller;

/// The types of events that this server sends.
#[derive(Debug, Serialize)]
pub(crate) struct EventTypes {
    object: &'static str,
    data: [&'static str; WEBHOOK_EVENT_TYPES.len()],
}

/// Answers all types.
pub(crate) async fn event_types(_: Caller) -> Json<EventTypes> {
    Json(EventTypes { object: "list", data: WEBHOOK_EVENT_TYPES })
}
