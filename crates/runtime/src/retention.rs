//! Forgetting `Idempotency-Key`s that nobody can be retrying any more.
//!
//! Invariant: a key answers for [`IDEMPOTENCY_RETENTION_MS`] at the least. Only rows go: what was
//! done under a key stays in its session's journal.

use std::sync::Arc;

use mainstay_core::resource::IDEMPOTENCY;
use mainstay_core::session::millis_column;
use mainstay_protocol::{Row, RowChange};
use mainstay_store::{Commit, Direction, RowScan, StoreError};

use crate::engine::Inner;
use crate::recovery::pause;

/// How long a key is known.
const IDEMPOTENCY_RETENTION_MS: u64 = 24 * 60 * 60 * 1_000;
/// How often old keys are looked for.
const INTERVAL_MS: u64 = 10 * 60 * 1_000;
/// How many rows go in one commit.
const BATCH_LIMIT_COUNT: usize = 256;
/// The commits that forget belong to a journal, which stays empty.
const JOURNAL: &str = "retention";

pub(crate) fn start(inner: &Arc<Inner>) {
    let keeper = inner.clone();
    inner.spawner.spawn("retention", async move { run(&keeper).await }, || {});
}

async fn run(inner: &Arc<Inner>) {
    while !inner.is_stopping() {
        match forget(inner).await {
            // More may be old.
            Ok(count) if count == BATCH_LIMIT_COUNT => tokio::task::yield_now().await,
            Ok(_) => pause(inner, INTERVAL_MS).await,
            Err(error) => {
                tracing::warn!(%error, "old idempotency keys were not forgotten");
                pause(inner, INTERVAL_MS).await;
            }
        }
    }
}

async fn forget(inner: &Arc<Inner>) -> Result<usize, StoreError> {
    let scan = RowScan {
        spec: IDEMPOTENCY.name.into(),
        index: IDEMPOTENCY.indexes[0].iter().map(|column| (*column).into()).collect(),
        prefix: Vec::new(),
        after: None,
        direction: Direction::Ascending,
        limit_count: BATCH_LIMIT_COUNT,
    };
    let oldest = inner.parts.store.rows(scan).await?.rows;
    let limit = millis_column(inner.parts.clock.now_ms().saturating_sub(IDEMPOTENCY_RETENTION_MS));
    let is_old = |row: &&Row| row.columns.iter().all(|column| *column.1 < *limit);
    let rows: Vec<_> =
        oldest.iter().take_while(is_old).map(|row| RowChange::Delete(row.key.clone())).collect();
    let count = rows.len();
    if count > 0 {
        let commit = Commit {
            journal: JOURNAL.into(),
            expected_seq: 0,
            epoch: 0,
            entries: Vec::new(),
            rows,
            tasks: Vec::new(),
            snapshot: None,
            erases: false,
            adopts: None,
            frees: Vec::new(),
        };
        inner.parts.store.commit(commit).await?;
    }
    Ok(count)
}
