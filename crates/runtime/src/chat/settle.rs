//! Calls whose process has ended: they are settled by another, or by the next of the same store.
//!
//! Invariant: a call of a process that lives is left alone. Where a store has one process (the embedded
//! store) every call of another is of one that has ended; else a process holds a lease under its own
//! name, and whoever gets that lease knows that it has ended.

use std::collections::HashMap;
use std::sync::Arc;

use mainstay_core::chat::{CHAT_CALLS, ChatCallRow, ChatOutcome};
use mainstay_protocol::{ApiError, Row, TaskKey, TenantId};
use mainstay_store::{Claim, ClaimRequest, ClaimWhat, Direction, RowScan, StoreError};

use super::{CallEnd, Counts, desk};
use crate::control::parse;
use crate::engine::{Inner, api_error};
use crate::recovery::pause;

/// Kind of the leases that processes hold under their own names.
const PROCESS_KIND: &str = "chat_process";
/// How often a lease is renewed before it would lapse.
const RENEWALS_PER_LEASE: u64 = 3;
/// How many calls are read at once.
const PAGE_LIMIT_COUNT: usize = 256;

/// Says that this process lives, before it lets a call begin, and looks for calls of others.
pub(crate) async fn start(inner: &Arc<Inner>) -> Result<(), ApiError> {
    if !inner.settings.is_only_writer {
        claim(inner, &inner.books.process).await.map_err(|error| api_error(&error))?;
    }
    let settler = inner.clone();
    inner.spawner.spawn("chat settling", async move { run(&settler).await }, || {});
    Ok(())
}

async fn run(inner: &Arc<Inner>) {
    while !inner.is_stopping() {
        match look(inner).await {
            Ok(()) if inner.settings.is_only_writer => return,
            Ok(()) => {}
            Err(error) => tracing::warn!(%error, "chat completions under way were not looked up"),
        }
        pause(inner, inner.settings.lease_ms / RENEWALS_PER_LEASE).await;
    }
}

/// Claims the lease of a process: this one's own is renewed so, another's is had only behind its end.
async fn claim(inner: &Inner, process: &str) -> Result<Vec<Claim>, StoreError> {
    let request = ClaimRequest {
        what: ClaimWhat::One(TaskKey { kind: PROCESS_KIND.into(), subject: process.into() }),
        owner: inner.settings.owner.clone(),
        now_ms: inner.parts.clock.now_ms(),
        lease_ms: inner.settings.lease_ms,
    };
    inner.parts.store.claim(request).await
}

async fn look(inner: &Arc<Inner>) -> Result<(), ApiError> {
    if !inner.settings.is_only_writer {
        claim(inner, &inner.books.process).await.map_err(|error| api_error(&error))?;
    }
    let mut ended = HashMap::from([(inner.books.process.to_string(), false)]);
    let mut after = None;
    loop {
        let scan = RowScan {
            spec: CHAT_CALLS.name.into(),
            index: Vec::new(),
            prefix: Vec::new(),
            after,
            direction: Direction::Ascending,
            limit_count: PAGE_LIMIT_COUNT,
        };
        let page = inner.parts.store.rows(scan).await.map_err(|error| api_error(&error))?;
        for row in &page.rows {
            let call: ChatCallRow = parse(row)?;
            let has_ended = match ended.get(&call.process) {
                Some(has_ended) => *has_ended,
                None if inner.settings.is_only_writer => true,
                None => {
                    let got = claim(inner, &call.process).await;
                    !got.map_err(|error| api_error(&error))?.is_empty()
                }
            };
            ended.insert(call.process.clone(), has_ended);
            if has_ended {
                settle(inner, row, call);
            }
        }
        if !page.has_more {
            return Ok(());
        }
        after = page.rows.last().map(|row| row.key.clone());
    }
}

/// Nobody knows what came of the call.
fn settle(inner: &Arc<Inner>, row: &Row, call: ChatCallRow) {
    let Ok(tenant) = TenantId::parse(&row.key.values[0]) else { return };
    tracing::warn!(completion = %call.completion, %tenant, "a chat completion was under way when its process ended");
    let end = CallEnd {
        completion: call.completion,
        caller: inner.as_runtime(tenant),
        outcome: ChatOutcome::Unknown,
        code: None,
        model: None,
        usage: None,
        counts: Counts::Reserved,
    };
    desk::end(inner, end, None);
}
