//! The suite, on each backend.

use std::sync::{Arc, Mutex};

use mainstay_store::{MemoryStore, SqliteOptions, SqliteStore, Store, conformance};

use crate::support::folder;

#[tokio::test]
async fn memory() {
    conformance::run_all(async || Arc::new(MemoryStore::new()) as Arc<dyn Store>).await;
}

#[tokio::test]
async fn sqlite() {
    let folders = Mutex::new(Vec::new());
    conformance::run_all(async || {
        let folder = folder();
        let store = SqliteStore::open(&SqliteOptions::new(folder.path())).expect("opens");
        folders.lock().expect("not poisoned").push(folder);
        Arc::new(store) as Arc<dyn Store>
    })
    .await;
}
