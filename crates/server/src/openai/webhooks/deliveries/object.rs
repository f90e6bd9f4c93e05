//! A delivery as clients see it.

use mainstay_core::resource::{DeliveryRow, DeliveryStatus};
use mainstay_protocol::{ApiError, Principal};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::error::not_found;
use crate::openai::agents::page::read_row;
use crate::openai::resource::{find, seconds};
use crate::openai::webhooks::ENDPOINT;
use crate::openapi::shape;
use crate::state::{AppState, store_error};

/// An event on its way to an endpoint.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Delivery {
    pub(crate) id: String,
    object: &'static str,
    webhook_endpoint_id: String,
    webhook_id: String,
    event_type: String,
    event: Value,
    created_at: u64,
    #[schemars(with = "StatusName")]
    status: DeliveryStatus,
    attempts: u32,
    next_attempt_at: Option<u64>,
    last_attempt_at: Option<u64>,
    last_status_code: Option<u16>,
    last_error: Option<String>,
}

impl Delivery {
    pub(super) fn of(row: &DeliveryRow) -> Self {
        let last = row.last.as_ref();
        Self {
            id: row.id.to_string(),
            object: "webhook_endpoint.delivery",
            webhook_endpoint_id: row.endpoint.clone(),
            webhook_id: row.event.to_string(),
            event_type: row.event_type.to_string(),
            event: serde_json::from_str(&row.body).unwrap_or_default(),
            created_at: seconds(row.created_at_ms),
            status: row.status,
            attempts: row.attempt_count,
            next_attempt_at: match row.status {
                DeliveryStatus::Pending => Some(seconds(row.due_at_ms)),
                DeliveryStatus::Delivered | DeliveryStatus::Failed => None,
            },
            last_attempt_at: last.map(|last| seconds(last.at_ms)),
            last_status_code: last.and_then(|last| last.status_code),
            last_error: last.and_then(|last| last.error.clone()),
        }
    }
}

/// The caller's delivery of these ids.
pub(super) async fn find_in(
    state: &AppState,
    caller: &Principal,
    endpoint: &str,
    id: &str,
) -> Result<DeliveryRow, ApiError> {
    find(state, caller, ENDPOINT, endpoint).await?;
    let key = DeliveryRow::key(&caller.tenant, id);
    let row = state.store().row(&key).await.map_err(|error| store_error(&error))?;
    let row: Option<DeliveryRow> = row.as_ref().map(read_row).transpose()?;
    row.filter(|row| row.endpoint == endpoint).ok_or_else(|| not_found("delivery", id))
}

shape! {
    /// How far a delivery is.
    StatusName = |_| serde_json::json!({
        "type": "string", "enum": ["pending", "delivered", "failed"],
    })
}
