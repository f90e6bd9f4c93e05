//! What people do with webhooks: send a sample, and send again what was sent before.

use mainstay_core::port::Receipt;
use mainstay_core::resource::{
    DeliveryRow, DeliveryStatus, EndpointBody, ResourceRow, WebhookEvent,
};
use mainstay_protocol::{ApiError, ErrorCode, RowChange, TaskChange};

use super::{JOURNAL, attempt};
use crate::due;
use crate::engine::Engine;

impl Engine {
    /// Sends a sample to an endpoint, once and now, and answers what the endpoint said.
    pub async fn test_webhook(
        &self,
        row: &ResourceRow,
        event: &WebhookEvent,
    ) -> Result<Receipt, ApiError> {
        let inner = self.inner();
        let corrupt = |error: serde_json::Error| {
            ApiError::new(ErrorCode::JournalCorrupt, format!("an endpoint has no shape: {error}"))
        };
        let endpoint: EndpointBody = row.read().map_err(corrupt)?;
        let sample = DeliveryRow::new(&row.tenant, &row.id, event, inner.parts.clock.now_ms());
        let message = (sample.event.as_str(), sample.body.as_ref());
        attempt::post(inner, row, &endpoint, message).await.map_err(|error| {
            let message = format!("the endpoint did not answer: {}", error.message);
            ApiError::new(ErrorCode::WebhookUnreachable, message)
        })
    }

    /// Sends a delivery again, with all its attempts before it.
    pub async fn replay_webhook(&self, row: &DeliveryRow) -> Result<DeliveryRow, ApiError> {
        let inner = self.inner();
        let now_ms = inner.parts.clock.now_ms();
        let mut row = row.clone();
        row.status = DeliveryStatus::Pending;
        row.attempt_count = 0;
        row.due_at_ms = now_ms;
        let tasks = vec![TaskChange::Put { key: row.task(), due_at_ms: now_ms }];
        due::write(inner, JOURNAL, vec![RowChange::Put(row.to_row())], tasks).await?;
        inner.webhooks.desk.wake();
        Ok(row)
    }

    /// Says that a tenant's endpoints changed, so that commits from now on tell the new ones.
    pub fn webhooks_changed(&self, tenant: &mainstay_protocol::TenantId) {
        self.inner().webhooks.forget(tenant);
    }
}
