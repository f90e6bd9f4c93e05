//! Taking up sessions: at start those that had work when the process before ended, newest first;
//! later those whose time has come. And keeping leases.
//!
//! Invariant: new sessions are served while this runs.

use std::sync::Arc;

use mainstay_protocol::SessionId;
use mainstay_store::{Claim, ClaimRequest, ClaimWhat, StoreError};

use crate::engine::{Inner, SESSION_TASK_KIND};
use crate::registry::Message;
use crate::stats::Counters;

/// Leases are renewed this many times before they would lapse.
const RENEWALS_PER_LEASE: u64 = 3;

pub(crate) fn start(inner: &Arc<Inner>) {
    let sweeper = inner.clone();
    inner.spawner.spawn("sweeper", async move { sweep(&sweeper).await }, || {});
    let keeper = inner.clone();
    inner.spawner.spawn("leases", async move { keep_leases(&keeper).await }, || {});
}

async fn sweep(inner: &Arc<Inner>) {
    while !inner.is_stopping() {
        match take_due(inner).await {
            // More may be due already.
            Ok(count) if count > 0 => tokio::task::yield_now().await,
            Ok(_) => pause(inner, inner.settings.sweep_ms).await,
            Err(error) => {
                tracing::warn!(%error, "due sessions could not be looked up");
                pause(inner, inner.settings.sweep_ms).await;
            }
        }
    }
}

/// Waits, unless the engine stops.
pub(crate) async fn pause(inner: &Arc<Inner>, wait_ms: u64) {
    let until = inner.parts.clock.now_ms().saturating_add(wait_ms);
    tokio::select! {
        biased;
        () = inner.stopping.cancelled() => {}
        () = inner.parts.clock.sleep_until(until) => {}
    }
}

async fn take_due(inner: &Arc<Inner>) -> Result<usize, StoreError> {
    let request = ClaimRequest {
        what: ClaimWhat::Due {
            kind: SESSION_TASK_KIND.into(),
            limit_count: inner.settings.recovery_batch_count,
        },
        owner: inner.settings.owner.clone(),
        now_ms: inner.parts.clock.now_ms(),
        lease_ms: inner.settings.lease_ms,
    };
    let claims = inner.parts.store.claim(request).await?;
    let mut taken = 0;
    for claim in &claims {
        let Ok(session) = SessionId::parse(&claim.key.subject) else { continue };
        if inner.registry.is_active(&session) {
            continue;
        }
        if inner.deliver(&session, Message::Wake).is_ok() {
            taken += 1;
        }
    }
    Counters::add(&inner.counters.recovered, taken as u64);
    Ok(taken)
}

async fn keep_leases(inner: &Arc<Inner>) {
    while !inner.is_stopping() {
        pause(inner, inner.settings.lease_ms / RENEWALS_PER_LEASE).await;
        let claims: Vec<Claim> = {
            let leases = inner.leases.lock().expect("no code panics while it holds the leases");
            leases.values().cloned().collect()
        };
        if claims.is_empty() {
            continue;
        }
        let now_ms = inner.parts.clock.now_ms();
        // A lease that no longer holds is found out by the next commit, which is fenced.
        if let Err(error) = inner.parts.store.renew(&claims, now_ms, inner.settings.lease_ms).await
        {
            tracing::warn!(%error, "leases could not be renewed");
        }
    }
}
