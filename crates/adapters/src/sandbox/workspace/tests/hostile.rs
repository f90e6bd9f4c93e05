//! Checkpoints that somebody made to do harm, and workspaces that are too much.

use mainstay_core::port::{Checkpoint, FileKind};

use super::support::{Bench, path};
use crate::sandbox::workspace::format::{Entry, Layer, LayerName, Piece, Root};
use crate::sandbox::workspace::limits::{
    MAX_DEPTH, MAX_ENTRIES, MAX_FILE_BYTES, MAX_LINK_BYTES, MAX_NAME_BYTES,
};
use crate::sandbox::workspace::shelf::hash_of;
use crate::sandbox::workspace::{Found, Scan, TreePath};

const FOLDER: Entry = Entry::Folder { mode: 0o755 };

fn file(pieces: &[Piece]) -> Entry {
    Entry::File { mode: 0o644, modified_ns: 1, content: pieces.into() }
}

/// A checkpoint whose only layer is these bytes, with totals as they would be right.
fn checkpoint(bench: &Bench, layer: &[u8], count: u64, totals: (u64, u64, u64)) -> Checkpoint {
    let hash = hash_of(layer);
    bench.blobs.add(layer.to_vec());
    let (file_count, entry_count, size_bytes) = totals;
    let layers = vec![LayerName { hash, count }];
    let root = Root { file_count, entry_count, size_bytes, layers };
    let workspace = bench.blobs.add(root.encode());
    Checkpoint { workspace, file_count, size_bytes, written_bytes: 0 }
}

async fn refusal(bench: &Bench, checkpoint: &Checkpoint) -> String {
    bench.restored(checkpoint).await.expect_err("it is refused").to_string()
}

/// An encoded layer of one file with this path.
fn with_path(name: &[u8]) -> Vec<u8> {
    let long = vec![b'p'; name.len().max(1)];
    let entries = vec![(TreePath::parse(&long).expect("a path"), Some(file(&[])))];
    let mut bytes = Layer { packs: Vec::new(), entries }.encode();
    let at = bytes.windows(long.len()).position(|part| part == long).expect("the path is there");
    bytes[at..at + long.len()].copy_from_slice(if name.is_empty() { b"/" } else { name });
    bytes
}

#[tokio::test]
async fn hostile_paths_are_refused() {
    let long = [b"a/", &[b'n'; MAX_NAME_BYTES + 1][..]].concat();
    for (name, expected) in [
        (&b"../x"[..], "leads elsewhere"),
        (b"..", "leads elsewhere"),
        (b"a/../../x", "leads elsewhere"),
        (b".", "leads elsewhere"),
        (b"/etc/passwd", "has an empty name"),
        (b"a//b", "has an empty name"),
        (b"a/", "has an empty name"),
        (b"a\0b", "holds a NUL"),
        (b"a/b", "is in no folder"),
    ] {
        let bench = Bench::default();
        let checkpoint = checkpoint(&bench, &with_path(name), 1, (1, 1, 0));
        let refusal = refusal(&bench, &checkpoint).await;
        assert!(refusal.contains(expected), "{}: {refusal}", name.escape_ascii());
    }
    for (name, expected) in [
        (long, "longer than 255 bytes"),
        ("a/".repeat(MAX_DEPTH).into_bytes().into_iter().chain([b'a']).collect(), "deeper than"),
        ([b'a'; 5_000].to_vec(), "longer than 4096 bytes"),
    ] {
        let refusal = TreePath::parse(&name).expect_err("it is refused").to_string();
        assert!(refusal.contains(expected), "{refusal}");
    }
}

async fn check_layer(entries: Vec<(&str, Option<Entry>)>, totals: (u64, u64, u64), expected: &str) {
    let bench = Bench::default();
    let entries: Vec<_> = entries.into_iter().map(|(name, entry)| (path(name), entry)).collect();
    let count = entries.len() as u64;
    let packs = vec![hash_of(b"MSWP\x01abc")];
    bench.blobs.add(&b"MSWP\x01abc"[..]);
    let layer = Layer { packs, entries }.encode();
    let refusal = refusal(&bench, &checkpoint(&bench, &layer, count, totals)).await;
    assert!(refusal.contains(expected), "{refusal}");
}

#[tokio::test]
async fn hostile_layers_are_refused() {
    let piece =
        |bytes: &[u8], length, offset| Piece { hash: hash_of(bytes), length, pack: 0, offset };
    check_layer(vec![("a", Some(FOLDER)), ("a", Some(FOLDER))], (0, 1, 0), "not in its place")
        .await;
    check_layer(vec![("b", Some(FOLDER)), ("a", Some(FOLDER))], (0, 2, 0), "not in its place")
        .await;
    check_layer(vec![("a", Some(file(&[]))), ("a/b", Some(FOLDER))], (1, 2, 0), "in no folder")
        .await;
    check_layer(vec![("a", Some(FOLDER))], (0, 2, 0), "other than its root says").await;
    let other = piece(b"abd", 3, 5);
    check_layer(vec![("a", Some(file(&[other])))], (1, 1, 3), "holds something else").await;
    let beyond = piece(b"abc", 4, 5);
    check_layer(vec![("a", Some(file(&[beyond])))], (1, 1, 4), "shorter than its files").await;
    let head = piece(b"SWP", 3, 1);
    check_layer(vec![("a", Some(file(&[head])))], (1, 1, 3), "not within a pack").await;
    let nowhere = Piece { pack: 1, ..piece(b"abc", 3, 5) };
    check_layer(vec![("a", Some(file(&[nowhere])))], (1, 1, 3), "not within a pack").await;
    let link = |target: &[u8]| Some(Entry::Link { target: target.into() });
    check_layer(vec![("a", link(b""))], (1, 1, 0), "link's target").await;
    check_layer(vec![("a", link(b"a\0"))], (1, 1, 0), "link's target").await;
    check_layer(vec![("a", link(&[b'a'; MAX_LINK_BYTES + 1]))], (1, 1, 0), "link's target").await;
    check_layer(vec![("a", Some(Entry::Folder { mode: 0o4755 }))], (0, 1, 0), "a mode is").await;
}

/// One block of zeros, named often enough, would fill a disk.
#[tokio::test]
async fn a_small_checkpoint_of_a_huge_file_is_refused() {
    let bench = Bench::default();
    let zeros = [b"MSWP\x01", &[0; 4 << 20][..]].concat();
    let packs = vec![hash_of(&zeros)];
    bench.blobs.add(zeros);
    let piece = Piece { hash: hash_of(&[0; 4 << 20]), length: 4 << 20, pack: 0, offset: 5 };
    let times = MAX_FILE_BYTES / (4 << 20) + 1;
    let content = vec![piece; usize::try_from(times).expect("small")];
    let layer = Layer { packs, entries: vec![(path("a"), Some(file(&content)))] }.encode();
    let checkpoint = checkpoint(&bench, &layer, 1, (1, 1, times * (4 << 20)));
    let refusal = refusal(&bench, &checkpoint).await;
    assert!(refusal.contains("is larger than"), "{refusal}");
}

#[tokio::test]
async fn missing_and_changed_blobs_are_noticed() {
    let mut bench = Bench::default();
    bench.tree.put("a", 1, b"some bytes".to_vec());
    let whole = bench.save(&bench.tree.scan()).await.expect("it is saved");
    let names: Vec<String> =
        bench.blobs.kept.lock().expect("not poisoned").keys().cloned().collect();
    assert_eq!(names.len(), 3);
    for name in names {
        let kept = bench.blobs.kept.lock().expect("not poisoned").remove(&name).expect("there");
        let missing = refusal(&bench, &whole).await;
        assert!(missing.contains("is missing"), "{missing}");
        let other = [&kept[..], b"!"].concat().into();
        bench.blobs.kept.lock().expect("not poisoned").insert(name.clone(), other);
        let changed = refusal(&bench, &whole).await;
        assert!(changed.contains("holds something else"), "{changed}");
        bench.blobs.kept.lock().expect("not poisoned").insert(name, kept);
    }
    let nameless = Checkpoint { workspace: "../../etc/passwd".to_owned(), ..whole };
    assert!(refusal(&bench, &nameless).await.contains("names no blob"));
}

fn found(name: &str, kind: FileKind) -> Found {
    Found {
        path: path(name),
        kind,
        mode: 0o644,
        size_bytes: 0,
        modified_ns: 1,
        changed_ns: 0,
        target: None,
    }
}

async fn check_scan(changed: Vec<Found>, expected: &str) {
    let mut bench = Bench::default();
    bench.tree.put("a", 1, b"bytes".to_vec());
    let scan = Scan { is_full: true, changed, removed: Vec::new() };
    let refusal = bench.save(&scan).await.expect_err("it is refused").to_string();
    assert!(refusal.contains(expected), "{refusal}");
    assert_eq!(bench.blobs.count(), 0, "nothing is written");
    assert!(bench.known.checkpoint().is_none(), "nothing is remembered");
}

#[tokio::test]
async fn what_a_machine_says_has_limits() {
    let large = Found { size_bytes: MAX_FILE_BYTES + 1, ..found("a", FileKind::File) };
    check_scan(vec![large], "the file a of the workspace is larger than 8589934592 bytes").await;
    let count = MAX_ENTRIES + 1;
    check_scan(vec![found("a", FileKind::Folder); count], "250001 files, folders and links").await;
    let both = vec![found("a", FileKind::File), found("a/b", FileKind::Folder)];
    check_scan(both, "files in a, which is no folder").await;
    check_scan(vec![found("a", FileKind::Link)], "the target of the link a is empty").await;
    let target = vec![b't'; MAX_LINK_BYTES].into_boxed_slice();
    let link = |n| Found { target: Some(target.clone()), ..found(&format!("{n}"), FileKind::Link) };
    check_scan((0..17_000).map(link).collect(), "paths of 69688890 bytes, more than 67108864")
        .await;
}

/// A machine's pipe or socket is not part of its workspace, and takes the place of what was there.
#[tokio::test]
async fn other_things_are_left_out() {
    let mut bench = Bench::default();
    bench.tree.put("a", 1, b"bytes".to_vec());
    bench.save(&bench.tree.scan()).await.expect("it is saved");
    let scan = |name| Scan {
        is_full: false,
        changed: vec![found(name, FileKind::Other)],
        removed: Vec::new(),
    };
    assert_eq!(bench.save(&scan("b")).await.expect("it is saved").written_bytes, 0);
    assert_eq!(bench.save(&scan("a")).await.expect("it is saved").file_count, 0);
}
