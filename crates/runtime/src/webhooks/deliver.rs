//! Delivers what is due: at once what was just written, later what has to wait, and at start what the
//! process before left.

use std::sync::Arc;

use futures::FutureExt;
use mainstay_core::resource::{DeliveryRow, DeliveryStatus, EndpointBody, WEBHOOK_KIND};
use mainstay_protocol::{ApiError, RowChange, TaskChange, TaskKey, TenantId};

use super::{JOURNAL, attempt};
use crate::due;
use crate::engine::{Inner, api_error};

pub(crate) fn start(inner: &Arc<Inner>) {
    due::start(
        inner,
        |inner| &inner.webhooks.desk,
        |inner, task| async move { handle(&inner, &task).await }.boxed(),
    );
}

/// Attempts a delivery, or forgets one whose time is over.
async fn handle(inner: &Inner, task: &TaskKey) -> Result<(), ApiError> {
    let Some((tenant, id)) = task.subject.split_once('/') else { return Ok(()) };
    let Ok(tenant) = TenantId::parse(tenant) else { return Ok(()) };
    let found = inner.parts.store.row(&DeliveryRow::key(&tenant, id)).await;
    let found = found.map_err(|error| api_error(&error))?;
    let row = found.and_then(|row| row.read::<DeliveryRow>().ok());
    let Some(row) = row.filter(|row| row.status == DeliveryStatus::Pending) else {
        return forget(inner, task, &tenant, id).await;
    };
    let endpoint = inner.control.resource(&tenant, WEBHOOK_KIND, &row.endpoint).await?;
    let read = endpoint.and_then(|row| Some((row.read::<EndpointBody>().ok()?, row)));
    // What was told to an endpoint that is gone is told to nobody.
    let Some((body, endpoint)) = read else { return forget(inner, task, &tenant, id).await };
    let message = (row.event.as_str(), row.body.as_ref());
    let outcome = attempt::post(inner, &endpoint, &body, message).await;
    let chance = inner.parts.entropy.next();
    let next = attempt::after(&row, &outcome, inner.parts.clock.now_ms(), chance);
    let tasks = vec![TaskChange::Put { key: task.clone(), due_at_ms: next.due_at_ms }];
    due::write(inner, JOURNAL, vec![RowChange::Put(next.to_row())], tasks).await
}

async fn forget(
    inner: &Inner,
    task: &TaskKey,
    tenant: &TenantId,
    id: &str,
) -> Result<(), ApiError> {
    let rows = vec![RowChange::Delete(DeliveryRow::key(tenant, id))];
    due::write(inner, JOURNAL, rows, vec![TaskChange::Delete { key: task.clone() }]).await
}
