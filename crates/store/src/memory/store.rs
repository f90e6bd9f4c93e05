//! The `Store` trait over state in memory.
//!
//! Invariant: no method ever waits, spawns, reads a clock or draws randomness, so that a
//! simulation over it is repeatable. The state lives as long as the store's `Arc`: dropping all
//! else and starting again over the same store is a crash that loses nothing committed.

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use mainstay_protocol::{Entry, JournalId, Row, RowKey, RowSpec};
use tokio::sync::broadcast;

use crate::check::{self, Specs};
use crate::memory::state::State;
use crate::{
    Claim, ClaimRequest, Commit, EntryRange, Health, RowPage, RowScan, Snapshot, Store, StoreError,
    TaskHint, WATCH_QUEUE_LIMIT_COUNT,
};

/// A store in memory.
#[derive(Debug)]
pub struct MemoryStore {
    state: Mutex<State>,
    hints: broadcast::Sender<TaskHint>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self {
            state: Mutex::new(State::new()),
            hints: broadcast::Sender::new(WATCH_QUEUE_LIMIT_COUNT),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics while it holds the state")
    }

    fn specs(&self) -> Arc<Specs> {
        self.lock().specs.clone()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn migrate(&self, specs: &'static [RowSpec]) -> Result<(), StoreError> {
        self.lock().migrate(specs)
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        check::commit(&commit, &self.specs())?;
        let journal = commit.journal.clone();
        let seq = self.lock().apply(commit)?;
        // Nobody watching is no failure.
        let _ = self.hints.send(TaskHint { journal, seq });
        Ok(())
    }

    async fn entries(
        &self,
        journal: &JournalId,
        range: EntryRange,
    ) -> Result<Vec<Entry>, StoreError> {
        Ok(self.lock().entries(journal, &range))
    }

    async fn snapshot(&self, journal: &JournalId) -> Result<Option<Snapshot>, StoreError> {
        Ok(self.lock().journals.get(journal).and_then(|journal| journal.snapshot.clone()))
    }

    async fn row(&self, key: &RowKey) -> Result<Option<Row>, StoreError> {
        let state = self.lock();
        check::key_spec(key, &state.specs)?;
        Ok(state.tables[key.spec.as_ref()].get(key).cloned())
    }

    async fn rows(&self, scan: RowScan) -> Result<RowPage, StoreError> {
        let state = self.lock();
        let checked = check::scan(&scan, &state.specs)?;
        state.tables[checked.spec.name].scan(&checked, scan.direction, scan.limit_count)
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claim>, StoreError> {
        Ok(self.lock().claim(&request))
    }

    async fn renew(
        &self,
        claims: &[Claim],
        now_ms: u64,
        lease_ms: u64,
    ) -> Result<Vec<Claim>, StoreError> {
        Ok(self.lock().leases.renew(claims, now_ms, lease_ms))
    }

    fn watch(&self) -> broadcast::Receiver<TaskHint> {
        self.hints.subscribe()
    }

    async fn put_blob(&self, journal: &JournalId, bytes: &[u8]) -> Result<String, StoreError> {
        Ok(self.lock().blobs.put(journal, bytes))
    }

    async fn blob(&self, journal: &JournalId, hash: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.lock().blobs.get(journal, hash))
    }

    async fn health(&self) -> Result<Health, StoreError> {
        let commit_count = self.lock().commit_count;
        Ok(Health { backend: "memory", commit_count, flush_count: 0, queue_count: 0 })
    }
}
