//! A store that counts what is read from it.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use mainstay_protocol::{Entry, JournalId, Row, RowKey, RowSpec};
use mainstay_store::{
    Claim, ClaimRequest, Commit, EntryRange, Health, MemoryStore, RowPage, RowScan, Snapshot,
    Store, StoreError, TaskHint,
};
use tokio::sync::broadcast;

#[derive(Default)]
pub(crate) struct CountedStore {
    inner: MemoryStore,
    read_count: AtomicUsize,
}

impl CountedStore {
    /// How many entries and rows were read since this was asked last.
    pub(crate) fn take_read_count(&self) -> usize {
        self.read_count.swap(0, Ordering::Relaxed)
    }

    fn count(&self, read: usize) {
        self.read_count.fetch_add(read, Ordering::Relaxed);
    }
}

#[async_trait]
impl Store for CountedStore {
    async fn migrate(&self, specs: &'static [RowSpec]) -> Result<(), StoreError> {
        self.inner.migrate(specs).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.inner.commit(commit).await
    }

    async fn entries(
        &self,
        journal: &JournalId,
        range: EntryRange,
    ) -> Result<Vec<Entry>, StoreError> {
        let entries = self.inner.entries(journal, range).await?;
        self.count(entries.len());
        Ok(entries)
    }

    async fn snapshot(&self, journal: &JournalId) -> Result<Option<Snapshot>, StoreError> {
        self.inner.snapshot(journal).await
    }

    async fn row(&self, key: &RowKey) -> Result<Option<Row>, StoreError> {
        self.count(1);
        self.inner.row(key).await
    }

    async fn rows(&self, scan: RowScan) -> Result<RowPage, StoreError> {
        let page = self.inner.rows(scan).await?;
        self.count(page.rows.len());
        Ok(page)
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claim>, StoreError> {
        self.inner.claim(request).await
    }

    async fn renew(
        &self,
        claims: &[Claim],
        now_ms: u64,
        lease_ms: u64,
    ) -> Result<Vec<Claim>, StoreError> {
        self.inner.renew(claims, now_ms, lease_ms).await
    }

    fn watch(&self) -> broadcast::Receiver<TaskHint> {
        self.inner.watch()
    }

    async fn put_blob(&self, journal: &JournalId, bytes: &[u8]) -> Result<String, StoreError> {
        self.inner.put_blob(journal, bytes).await
    }

    async fn blob(&self, journal: &JournalId, hash: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.blob(journal, hash).await
    }

    async fn health(&self) -> Result<Health, StoreError> {
        self.inner.health().await
    }
}
