//! Blobs on the disk: durable, nothing left behind, and files of older versions.

use std::path::Path;

use mainstay_protocol::JournalId;
use mainstay_store::conformance::Chain;
use mainstay_store::{Commit, Store};

use crate::support::{crash_image, entries, folder, open};

const LARGE_BYTES: usize = 100_000;

/// The files of large blobs.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.join("blobs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("readable").flatten() {
            if entry.file_type().expect("readable").is_dir() {
                folders.push(entry.path());
            } else {
                found.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
    }
    found
}

#[tokio::test]
async fn a_blob_is_there_after_a_crash_and_its_file_goes_with_it() {
    let home = folder();
    let store = open(home.path()).await;
    let mut chain = Chain::new("ses_a");
    store.commit(chain.commit(&["1"])).await.expect("committed");
    let contents = [b"small".to_vec(), vec![7; LARGE_BYTES]];
    let mut hashes = Vec::new();
    for bytes in &contents {
        hashes.push(store.put_blob(&chain.journal, bytes).await.expect("kept"));
    }
    let image = crash_image(home.path());
    let blobs = home.path().join("blobs");
    let status = std::process::Command::new("cp").arg("-r").arg(blobs).arg(image.path()).status();
    assert!(status.expect("cp runs").success());
    let again = open(image.path()).await;
    for (hash, bytes) in hashes.iter().zip(&contents) {
        let found = again.blob(&chain.journal, hash).await.expect("readable");
        assert_eq!(found.as_ref(), Some(bytes));
    }
    drop(again);

    assert_eq!(files(home.path()), hashes[1..]);
    store.commit(Commit { erases: true, ..chain.commit(&["2"]) }).await.expect("committed");
    assert_eq!(files(home.path()), [""; 0]);
}

#[tokio::test]
async fn a_file_that_a_crash_left_is_removed_at_the_start() {
    let home = folder();
    let store = open(home.path()).await;
    let mut chain = Chain::new("ses_a");
    store.commit(chain.commit(&["1"])).await.expect("committed");
    let hash = store.put_blob(&chain.journal, &vec![7; LARGE_BYTES]).await.expect("kept");
    let file = home.path().join("blobs").join(&hash[..2]).join(&hash[2..4]).join(&hash);
    let bytes = std::fs::read(&file).expect("readable");
    store.commit(Commit { erases: true, ..chain.commit(&["2"]) }).await.expect("committed");
    drop(store);
    // As if the process had died between the commit and the removal.
    std::fs::write(&file, bytes).expect("written");
    let tool = rusqlite::Connection::open(home.path().join("mainstay.db")).expect("opens");
    let sql = format!("INSERT INTO blob_files_unowned VALUES (x'{hash}')");
    tool.execute_batch(&sql).expect("inserted");
    drop(tool);
    drop(open(home.path()).await);
    assert_eq!(files(home.path()), [""; 0]);
}

#[tokio::test]
async fn what_was_put_for_a_journal_that_never_began_is_gone_after_a_start() {
    let home = folder();
    let store = open(home.path()).await;
    let mut chain = Chain::new("ses_a");
    let unborn: JournalId = "ses_b".into();
    let mut hashes = Vec::new();
    for bytes in [b"small".to_vec(), vec![7; LARGE_BYTES]] {
        hashes.push(store.put_blob(&chain.journal, &bytes).await.expect("kept"));
        store.put_blob(&unborn, &bytes).await.expect("kept");
    }
    store.put_blob(&unborn, &vec![8; LARGE_BYTES]).await.expect("kept");
    store.commit(chain.commit(&["1"])).await.expect("committed");
    drop(store);
    let store = open(home.path()).await;
    for hash in &hashes {
        assert!(store.blob(&chain.journal, hash).await.expect("readable").is_some());
        assert!(store.blob(&unborn, hash).await.expect("readable").is_none());
    }
    assert_eq!(files(home.path()), hashes[1..], "the neighbour's file stays");
}

/// A file that the first version wrote must open for ever.
#[tokio::test]
async fn a_file_of_the_first_version_opens() {
    let home = folder();
    let frozen = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/v1");
    for file in ["mainstay.db", "acknowledged"] {
        std::fs::copy(frozen.join(file), home.path().join(file)).expect("copied");
    }
    let store = open(home.path()).await;
    let last = entries(&store, "ses_a").await.expect("verifies").pop().expect("three entries");
    assert_eq!(last.seq, 3);
    let tail = mainstay_store::EntryRange::following(2, 9);
    assert_eq!(store.entries(&"ses_b".into(), tail).await.expect("verifies").len(), 1);
    let mut chain = Chain { seq: 3, hash: last.hash, ..Chain::new("ses_a") };
    let hash = store.put_blob(&chain.journal, b"new").await.expect("kept");
    store.commit(chain.commit(&["4"])).await.expect("goes on");
    drop(store);
    let store = open(home.path()).await;
    assert!(store.blob(&chain.journal, &hash).await.expect("readable").is_some());
}
