//! Delivers what is due: at once what was just written, later what has to wait, and at start what the
//! process before left.

use std::sync::Arc;

use mainstay_core::resource::{
    DELIVERY_TASK_KIND, DeliveryRow, DeliveryStatus, EndpointBody, WEBHOOK_KIND,
};
use mainstay_protocol::{ApiError, RowChange, TaskChange, TaskKey, TenantId};
use mainstay_store::{Claim, ClaimRequest, ClaimWhat, Commit, StoreError};
use tokio::sync::Semaphore;

use super::{JOURNAL, attempt};
use crate::engine::{Inner, api_error};
use crate::recovery::pause;

/// How many attempts are under way at once.
const ATTEMPTS_LIMIT_COUNT: usize = 32;
/// How long one delivery is this process's.
const LEASE_MS: u64 = 60_000;

pub(crate) fn start(inner: &Arc<Inner>) {
    let postman = inner.clone();
    inner.spawner.spawn("webhooks", async move { run(&postman).await }, || {});
}

async fn run(inner: &Arc<Inner>) {
    let room = Arc::new(Semaphore::new(ATTEMPTS_LIMIT_COUNT));
    while !inner.is_stopping() {
        match take_due(inner, &room).await {
            // More may be due already.
            Ok(count) if count > 0 => tokio::task::yield_now().await,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "due webhooks could not be looked up"),
        }
        tokio::select! {
            biased;
            () = inner.webhooks.work.notified() => {}
            () = pause(inner, inner.settings.sweep_ms) => {}
        }
    }
}

async fn take_due(inner: &Arc<Inner>, room: &Arc<Semaphore>) -> Result<usize, StoreError> {
    let free_count = room.available_permits();
    if free_count == 0 {
        return Ok(0);
    }
    let request = ClaimRequest {
        what: ClaimWhat::Due { kind: DELIVERY_TASK_KIND.into(), limit_count: free_count },
        owner: inner.settings.owner.clone(),
        now_ms: inner.parts.clock.now_ms(),
        lease_ms: LEASE_MS,
    };
    let mut taken = 0;
    for claim in inner.parts.store.claim(request).await? {
        let subject = claim.key.subject.clone();
        if !under_way(inner).insert(subject.clone()) {
            continue;
        }
        let Ok(permit) = room.clone().try_acquire_owned() else {
            under_way(inner).remove(&subject);
            break;
        };
        taken += 1;
        let (worker, panicked, forgotten) = (inner.clone(), inner.clone(), subject.clone());
        let task = async move {
            if let Err(error) = handle(&worker, &claim.key).await {
                tracing::warn!(delivery = %subject, %error, "a webhook is tried again later");
            }
            give_up(&worker, &claim).await;
            under_way(&worker).remove(&subject);
            drop(permit);
            worker.webhooks.work.notify_one();
        };
        inner.spawner.spawn("webhook", task, move || {
            under_way(&panicked).remove(&forgotten);
        });
    }
    Ok(taken)
}

fn under_way(inner: &Inner) -> std::sync::MutexGuard<'_, std::collections::HashSet<Arc<str>>> {
    inner.webhooks.under_way.lock().expect("no code panics while it holds the deliveries")
}

async fn give_up(inner: &Inner, claim: &Claim) {
    let now_ms = inner.parts.clock.now_ms();
    if let Err(error) = inner.parts.store.renew(std::slice::from_ref(claim), now_ms, 0).await {
        tracing::debug!(%error, "a lease was not given up; it lapses by itself");
    }
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
    write(inner, vec![RowChange::Put(next.to_row())], tasks).await
}

async fn forget(
    inner: &Inner,
    task: &TaskKey,
    tenant: &TenantId,
    id: &str,
) -> Result<(), ApiError> {
    let rows = vec![RowChange::Delete(DeliveryRow::key(tenant, id))];
    write(inner, rows, vec![TaskChange::Delete { key: task.clone() }]).await
}

/// Writes what became of deliveries.
pub(super) async fn write(
    inner: &Inner,
    rows: Vec<RowChange>,
    tasks: Vec<TaskChange>,
) -> Result<(), ApiError> {
    let commit = Commit {
        journal: JOURNAL.into(),
        expected_seq: 0,
        epoch: 0,
        entries: Vec::new(),
        rows,
        tasks,
        snapshot: None,
    };
    inner.parts.store.commit(commit).await.map_err(|error| api_error(&error))
}
