//! The port of blobs over the store.
//!
//! Invariant: a session that is deleted gets no blobs any more.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_core::port::{BlobError, Blobs};
use mainstay_core::session::SESSIONS;
use mainstay_protocol::{JournalId, RowKey, SessionId};
use mainstay_store::{Store, StoreError};
use tokio::sync::Semaphore;

/// How many blobs are on their way to the store at once: enough to share flushes, and fewer than the
/// store's queue takes.
const PUTS_LIMIT_COUNT: usize = 256;

/// A session's blobs, which belong to its journal.
pub struct StoreBlobs {
    store: Arc<dyn Store>,
    puts: Semaphore,
}

impl StoreBlobs {
    /// In this store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, puts: Semaphore::new(PUTS_LIMIT_COUNT) }
    }
}

fn failed(attempt: &str, error: &StoreError) -> BlobError {
    BlobError(format!("{attempt}: {error}"))
}

#[async_trait]
impl Blobs for StoreBlobs {
    async fn put(&self, session: &SessionId, bytes: Bytes) -> Result<String, BlobError> {
        let _permit = self.puts.acquire().await;
        let key = RowKey::new(&SESSIONS, &[session.as_str()]);
        let row = self.store.row(&key).await;
        if row.map_err(|error| failed("keep a blob", &error))?.is_none() {
            return Err(BlobError(format!("keep a blob: session {session} does not exist")));
        }
        let journal: JournalId = session.as_str().into();
        let kept = self.store.put_blob(&journal, &bytes).await;
        kept.map_err(|error| failed("keep a blob", &error))
    }

    async fn get(&self, session: &SessionId, hash: &str) -> Result<Option<Bytes>, BlobError> {
        let journal: JournalId = session.as_str().into();
        let found = self.store.blob(&journal, hash).await;
        Ok(found.map_err(|error| failed("read a blob", &error))?.map(Bytes::from))
    }
}
