//! A disk without room: refused, nothing acknowledged lost, and well again when there is room.

use std::path::{Path, PathBuf};
use std::process::Command;

use mainstay_protocol::RowChange;
use mainstay_store::conformance::{Chain, note};
use mainstay_store::{SqliteOptions, SqliteStore, Store, StoreError};

use crate::support::{entries, folder, noted, open_with, text};

const PAYLOAD_BYTES: usize = 20_000;

/// Commits until the disk is full; answers the chain as it was acknowledged.
async fn fill(store: &SqliteStore, mut chain: Chain) -> Chain {
    loop {
        let mut next = chain.clone();
        match store.commit(noted(&mut next, &text(PAYLOAD_BYTES))).await {
            Ok(()) => chain = next,
            Err(StoreError::DiskFull(_)) => return chain,
            Err(error) => panic!("a full disk must be named as such: {error}"),
        }
        assert!(chain.seq < 10_000, "the disk never fills");
    }
}

async fn assert_acknowledged(store: &SqliteStore, chain: &Chain) {
    let found = entries(store, &chain.journal).await.expect("verifies");
    assert_eq!(found.len() as u64, chain.seq);
    assert_eq!(found.last().map(|entry| entry.hash), Some(chain.hash));
    let row = store.row(&note(&chain.journal, "").key).await.expect("readable").expect("there");
    assert_eq!(row.read::<String>().expect("a text"), chain.seq.to_string());
}

#[tokio::test]
async fn a_file_at_its_limit_is_a_full_disk() {
    let home = folder();
    let limited =
        SqliteOptions { file_limit_bytes: Some(1 << 20), ..SqliteOptions::new(home.path()) };
    let store = open_with(&limited).await;
    let mut big = Chain::new("ses_big");
    let mut commit = big.commit(&["1"]);
    commit.rows = vec![RowChange::Put(note("ballast", &text(100_000)))];
    store.commit(commit).await.expect("committed");
    let chain = fill(&store, Chain::new("ses_a")).await;
    assert!(chain.seq > 0);
    assert_acknowledged(&store, &chain).await;

    let mut commit = big.commit(&[]);
    commit.rows = vec![RowChange::Delete(note("ballast", "").key)];
    store.commit(commit).await.expect("deleting makes room");
    let mut next = chain.clone();
    store.commit(noted(&mut next, &text(PAYLOAD_BYTES))).await.expect("there is room again");
    let chain = fill(&store, next).await;
    drop(store);

    let store = open_with(&SqliteOptions::new(home.path())).await;
    assert_acknowledged(&store, &chain).await;
    let mut next = chain;
    store.commit(noted(&mut next, &text(PAYLOAD_BYTES))).await.expect("the limit was raised");
    assert_acknowledged(&store, &next).await;
}

/// A file system of its own, in memory.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, size_bytes: usize) -> Result<Self, String> {
        let size = format!("size={size_bytes}");
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(at)
            .output()
            .map_err(|e| e.to_string())?;
        if output.status.success() {
            return Ok(Self(at.to_owned()));
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the store may be closing its files still when a test panics.
        let unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(
            unmounted.is_ok_and(|status| status.success()),
            "{} stays mounted",
            self.0.display()
        );
    }
}

#[tokio::test]
async fn a_full_file_system_refuses_and_recovers() {
    let home = folder();
    let _disk = match SmallDisk::mount(home.path(), 6 << 20) {
        Ok(disk) => disk,
        Err(reason) => {
            eprintln!("NOT TESTED: a full file system, because none can be mounted here: {reason}");
            return;
        }
    };
    let data = home.path().join("data");
    let ballast = home.path().join("ballast");
    std::fs::write(&ballast, vec![1; 2 << 20]).expect("written");
    let store = open_with(&SqliteOptions::new(&data)).await;
    let chain = fill(&store, Chain::new("ses_a")).await;
    assert!(chain.seq > 0);
    assert_acknowledged(&store, &chain).await;
    let blob = store.put_blob(&chain.journal, &vec![7; 3 << 20]).await;
    assert!(matches!(blob, Err(StoreError::DiskFull(_))), "{blob:?}");

    std::fs::remove_file(&ballast).expect("removed");
    let mut next = chain;
    store.commit(noted(&mut next, &text(PAYLOAD_BYTES))).await.expect("there is room again");
    let chain = fill(&store, next).await;
    assert_acknowledged(&store, &chain).await;
    drop(store);
    let image = folder();
    for file in ["mainstay.db", "mainstay.db-wal", "acknowledged"] {
        // The log is there only if it could not be emptied for want of room.
        let copied = std::fs::copy(data.join(file), image.path().join(file));
        assert!(copied.is_ok() || file == "mainstay.db-wal", "{copied:?}");
    }
    let store = open_with(&SqliteOptions::new(image.path())).await;
    assert_acknowledged(&store, &chain).await;
}
