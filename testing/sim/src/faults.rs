//! A store that fails as stores do: slowly, before or after the write, and by killing the process.
//!
//! Invariant: what it answers is what happened, except when the process dies before it hears.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use mainstay_protocol::{Entry, JournalId, Row, RowKey, RowSpec};
use mainstay_store::{
    Claim, ClaimRequest, Commit, EntryRange, Health, MemoryStore, RowPage, RowScan, Snapshot,
    Store, StoreError, TaskHint,
};
use tokio::sync::{Notify, broadcast};

use crate::chance::Chance;
use crate::clock::SimClock;

/// How often, in a thousand commits, each fault strikes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FaultRates {
    pub(crate) crash_before: u64,
    pub(crate) crash_after: u64,
    pub(crate) unavailable: u64,
    pub(crate) overloaded: u64,
    pub(crate) slow: u64,
}

/// One process's way to the store that all share.
pub(crate) struct FaultyStore {
    shared: Arc<MemoryStore>,
    chance: Chance,
    clock: SimClock,
    rates: FaultRates,
    quiet: Arc<AtomicBool>,
    /// Told when this process must die now.
    dies: Arc<Notify>,
}

impl FaultyStore {
    pub(crate) fn new(
        shared: Arc<MemoryStore>,
        chance: Chance,
        clock: SimClock,
        rates: FaultRates,
        quiet: Arc<AtomicBool>,
        dies: Arc<Notify>,
    ) -> Self {
        Self { shared, chance, clock, rates, quiet, dies }
    }

    fn strikes(&self, rate: u64) -> bool {
        // Drawn even in quiet times, so that the stream of draws does not depend on when those begin.
        self.chance.permille(rate) && !self.quiet.load(Ordering::Relaxed)
    }

    async fn die<T>(&self) -> T {
        self.dies.notify_one();
        std::future::pending().await
    }
}

#[async_trait]
impl Store for FaultyStore {
    async fn migrate(&self, specs: &'static [RowSpec]) -> Result<(), StoreError> {
        self.shared.migrate(specs).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        if self.strikes(self.rates.slow) {
            self.clock.pass(1 + self.chance.below(400)).await;
        }
        if self.strikes(self.rates.unavailable) {
            let what = "the simulation says so".to_owned();
            return Err(StoreError::Unavailable { what, source: None });
        }
        if self.strikes(self.rates.overloaded) {
            return Err(StoreError::Overloaded { limit_count: 0 });
        }
        if self.strikes(self.rates.crash_before) {
            return self.die().await;
        }
        let done = self.shared.commit(commit).await;
        if self.strikes(self.rates.crash_after) {
            return self.die().await;
        }
        if self.strikes(self.rates.slow) {
            self.clock.pass(1 + self.chance.below(400)).await;
        }
        done
    }

    async fn entries(
        &self,
        journal: &JournalId,
        range: EntryRange,
    ) -> Result<Vec<Entry>, StoreError> {
        self.shared.entries(journal, range).await
    }

    async fn snapshot(&self, journal: &JournalId) -> Result<Option<Snapshot>, StoreError> {
        self.shared.snapshot(journal).await
    }

    async fn row(&self, key: &RowKey) -> Result<Option<Row>, StoreError> {
        self.shared.row(key).await
    }

    async fn rows(&self, scan: RowScan) -> Result<RowPage, StoreError> {
        self.shared.rows(scan).await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claim>, StoreError> {
        self.shared.claim(request).await
    }

    async fn renew(
        &self,
        claims: &[Claim],
        now_ms: u64,
        lease_ms: u64,
    ) -> Result<Vec<Claim>, StoreError> {
        self.shared.renew(claims, now_ms, lease_ms).await
    }

    fn watch(&self) -> broadcast::Receiver<TaskHint> {
        self.shared.watch()
    }

    async fn put_blob(&self, journal: &JournalId, bytes: &[u8]) -> Result<String, StoreError> {
        self.shared.put_blob(journal, bytes).await
    }

    async fn blob(&self, journal: &JournalId, hash: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.shared.blob(journal, hash).await
    }

    async fn health(&self) -> Result<Health, StoreError> {
        self.shared.health().await
    }
}
