//! Stores in folders of their own, and what the tests ask of them.

use std::path::Path;
use std::sync::Arc;

use mainstay_protocol::{Entry, RowChange};
use mainstay_store::conformance::{Chain, SPECS, note};
use mainstay_store::{Commit, EntryRange, SqliteOptions, SqliteStore, Store, StoreError};
use tempfile::TempDir;

/// More entries than any journal of these tests has.
pub(crate) const ALL_COUNT: usize = 1_000_000;

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A folder that costs no flush, where there is one: for tests that are not about durability.
pub(crate) fn folder_in_memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| folder())
}

/// A store over SQLite, migrated to the suite's specs.
pub(crate) async fn open(folder: &Path) -> Arc<SqliteStore> {
    open_with(&SqliteOptions::new(folder)).await
}

pub(crate) async fn open_with(options: &SqliteOptions) -> Arc<SqliteStore> {
    let store = SqliteStore::open(options).expect("opens");
    store.migrate(SPECS).await.expect("migrates");
    Arc::new(store)
}

pub(crate) async fn entries(store: &SqliteStore, journal: &str) -> Result<Vec<Entry>, StoreError> {
    store.entries(&journal.into(), EntryRange::following(0, ALL_COUNT)).await
}

/// A commit whose row `note` of the journal's name says how far the journal is.
pub(crate) fn noted(chain: &mut Chain, payload: &str) -> Commit {
    let mut commit = chain.commit(&[payload]);
    commit.rows = vec![RowChange::Put(note(&chain.journal, &chain.seq.to_string()))];
    commit
}

/// A JSON text of about this size.
pub(crate) fn text(size_bytes: usize) -> String {
    format!("\"{}\"", "x".repeat(size_bytes))
}

/// Copies the data folder as a crash at this moment would leave it.
pub(crate) fn crash_image(from: &Path) -> TempDir {
    let to = folder();
    for name in ["mainstay.db", "mainstay.db-wal", "acknowledged"] {
        std::fs::copy(from.join(name), to.path().join(name)).expect("copied");
    }
    to
}
