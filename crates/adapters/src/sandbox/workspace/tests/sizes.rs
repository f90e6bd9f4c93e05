//! How much is written.

use std::collections::BTreeSet;

use super::support::{Bench, MemoryBlobs, Node, path};
use crate::sandbox::workspace::references;

/// Bytes that look like nothing, the same for the same seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&next());
    }
    bytes.truncate(length);
    bytes
}

const FILE_BYTES: usize = 4_096;

fn file_name(index: u64) -> String {
    format!("project/module_{:02}/source_{index:05}.py", index % 100)
}

async fn ten_thousand_files() -> Bench {
    let mut bench = Bench::default();
    {
        let mut nodes = bench.tree.nodes.lock().expect("not poisoned");
        nodes.insert(path("project"), Node::Folder { mode: 0o755 });
        for module in 0..100 {
            let folder = path(&format!("project/module_{module:02}"));
            nodes.insert(folder, Node::Folder { mode: 0o755 });
        }
    }
    for index in 0..10_000 {
        bench.tree.put(&file_name(index), index, noise(index, FILE_BYTES));
    }
    bench.save(&bench.tree.scan()).await.expect("it is saved");
    bench
}

#[tokio::test]
async fn ten_of_ten_thousand_files_cost_little_more_than_their_bytes() {
    const SAVES: u64 = 60;
    const CHANGED: u64 = 10;
    let mut bench = ten_thousand_files().await;
    assert!(bench.blobs.count() < 20, "{} blobs", bench.blobs.count());
    let changed_bytes = CHANGED * FILE_BYTES as u64;
    let mut within = 0;
    let before_bytes = bench.blobs.size_bytes();
    for round in 1..=SAVES {
        let blobs_before = bench.blobs.count();
        let mut names = Vec::new();
        for file in 0..CHANGED {
            let index = (round * 7_919 + file * 1_013) % 10_000;
            let time = 1_000_000 * round + file;
            bench.tree.put(&file_name(index), time, noise(time, FILE_BYTES));
            names.push(file_name(index));
        }
        let scan = bench.tree.scan_of(&names);
        let checkpoint = bench.save(&scan).await.expect("it is saved");
        assert_eq!(bench.blobs.count() - blobs_before, 3, "a pack, a layer and a root");
        within += u64::from(checkpoint.written_bytes * 10 <= changed_bytes * 11);
    }
    // When layers are merged more is written; over all saves it stays within the bound.
    assert!(within * 10 >= SAVES * 9, "{within} of {SAVES} saves within the bound");
    let written = bench.blobs.size_bytes() - before_bytes;
    assert!(written * 10 <= SAVES * changed_bytes * 11, "{written} bytes");
    let checkpoint = bench.known.checkpoint().cloned().expect("it was saved");
    let (restored, _) = bench.restored(&checkpoint).await.expect("it is restored");
    assert!(restored.nodes() == bench.tree.nodes(), "the files are the same");
}

#[tokio::test]
async fn a_change_in_a_large_file_costs_a_piece() {
    const LARGE_BYTES: usize = 24 << 20;
    const PIECE_BYTES: u64 = 512 << 10;
    let mut bench = Bench::default();
    let mut bytes = noise(1, LARGE_BYTES);
    bench.tree.put("model.bin", 1, bytes.clone());
    bench.save(&bench.tree.scan()).await.expect("it is saved");
    for (time, at, inserted) in
        [(2, LARGE_BYTES / 2, "a word"), (3, 0, "at the front"), (4, 100, "")]
    {
        bytes.splice(at..at + 1, inserted.bytes());
        bench.tree.put("model.bin", time, bytes.clone());
        let checkpoint = bench.save(&bench.tree.scan()).await.expect("it is saved");
        assert!(checkpoint.written_bytes < PIECE_BYTES, "{} bytes", checkpoint.written_bytes);
        let (restored, _) = bench.restored(&checkpoint).await.expect("it is restored");
        assert!(restored.nodes() == bench.tree.nodes(), "the file is the same");
    }
}

#[tokio::test]
async fn what_is_kept_is_not_written_again() {
    let mut bench = Bench::default();
    bench.tree.put("a.txt", 1, noise(1, 100_000));
    let first = bench.save(&bench.tree.scan()).await.expect("it is saved");
    let count = bench.blobs.count();
    let again = bench.save(&bench.tree.scan()).await.expect("it is saved");
    assert_eq!((again.workspace, again.written_bytes), (first.workspace, 0));
    assert_eq!(bench.blobs.count(), count);
    // Moved, copied, or only touched: the bytes are there.
    bench.tree.nodes.lock().expect("not poisoned").remove(&path("a.txt"));
    bench.tree.put("b.txt", 2, noise(1, 100_000));
    bench.tree.put("c.txt", 3, noise(1, 100_000));
    let moved = bench.save(&bench.tree.scan()).await.expect("it is saved");
    assert!(moved.written_bytes < 2_000, "{} bytes", moved.written_bytes);
    // A scan that says that something changed and is wrong.
    let mut scan = bench.tree.scan();
    scan.is_full = false;
    assert_eq!(bench.save(&scan).await.expect("it is saved").written_bytes, 0);
}

#[tokio::test]
async fn all_blobs_are_found_from_the_root() {
    let mut bench = ten_thousand_files().await;
    bench.tree.put("project/new.txt", 1, noise(77, 10_000));
    let checkpoint = bench.save(&bench.tree.scan()).await.expect("it is saved");
    let copy = MemoryBlobs::default();
    let mut open = vec![checkpoint.workspace.clone()];
    let mut met = BTreeSet::new();
    while let Some(name) = open.pop() {
        if met.insert(name.clone()) {
            let kept = bench.blobs.kept.lock().expect("not poisoned");
            let named = references(&kept[&name]).expect("a blob of a checkpoint");
            open.extend(named.inner.into_iter().chain(named.leaves));
            copy.add(kept[&name].clone());
        }
    }
    bench.blobs = copy;
    let (restored, _) = bench.restored(&checkpoint).await.expect("the copy is whole");
    assert!(restored.nodes() == bench.tree.nodes(), "the copy is the same");
}
