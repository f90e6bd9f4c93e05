//! The published format, byte by byte.

use std::path::PathBuf;

use mainstay_core::port::NamedBlobs;

use super::support::{Bench, MemoryTree, Node, path};
use crate::sandbox::workspace::format::{Entry, Layer, LayerName, Piece, Root};
use crate::sandbox::workspace::shelf::hash_of;
use crate::sandbox::workspace::{TreePath, references};
use mainstay_core::port::Checkpoint;

fn layer() -> Layer {
    let piece = |pack, offset| Piece { hash: hash_of(b"x"), length: 300, pack, offset };
    let file = |content: &[Piece]| Entry::File {
        mode: 0o644,
        modified_ns: 1_700_000_000_123_456_789,
        content: content.into(),
    };
    Layer {
        packs: vec![hash_of(b"1"), hash_of(b"2")],
        entries: vec![
            (path("a"), Some(Entry::Folder { mode: 0o755 })),
            (path("a/empty"), Some(file(&[]))),
            (path("a/two"), Some(file(&[piece(1, 5), piece(0, 70_000)]))),
            (path("a/two more"), None),
            (path("b"), Some(Entry::Link { target: b"../\xff"[..].into() })),
            (TreePath::parse(b"c\xff").expect("a path"), Some(file(&[]))),
        ],
    }
}

#[test]
fn blobs_are_read_as_they_were_written() {
    let bytes = layer().encode();
    assert_eq!(Layer::decode(&bytes), Ok(layer()));
    let root = Root {
        file_count: 3,
        entry_count: 4,
        size_bytes: 600,
        layers: vec![LayerName { hash: hash_of(&bytes), count: 6 }],
    };
    assert_eq!(Root::decode(&root.encode()), Ok(root.clone()));
    let named = references(&root.encode()).expect("a root");
    assert_eq!((named.inner, named.leaves.len()), (vec![hex::encode(hash_of(&bytes))], 0));
    assert_eq!(references(&bytes).expect("a layer").leaves.len(), 2);
    assert_eq!(references(b"MSWP\x01anything"), Ok(NamedBlobs::default()));
}

/// Cut anywhere, or with any byte changed, it is refused or says something that has this encoding alone.
#[test]
fn nothing_has_two_encodings() {
    let whole = layer().encode();
    for cut in 0..whole.len() {
        assert!(Layer::decode(&whole[..cut]).is_err(), "cut at {cut}");
    }
    assert!(Layer::decode(&[&whole[..], b"\0"].concat()).is_err());
    for index in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[index] ^= 1 << bit;
            if let Ok(layer) = Layer::decode(&bytes) {
                assert_eq!(layer.encode(), bytes, "bit {bit} of byte {index}");
            }
        }
    }
}

fn fixture() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/workspace/v1")
}

/// What the fixture was made from.
async fn example() -> (Bench, Checkpoint) {
    let mut bench = Bench::default();
    let folder = Node::Folder { mode: 0o750 };
    bench.tree = MemoryTree::new([(path("src"), folder.clone()), (path("void"), folder)].into());
    bench.tree.put("src/main.py", 1_700_000_000_000_000_001, b"print(1)\n".to_vec());
    bench.tree.put("gone.txt", 1, b"soon".to_vec());
    bench.save(&bench.tree.scan()).await.expect("it is saved");
    {
        let mut nodes = bench.tree.nodes.lock().expect("not poisoned");
        nodes.remove(&path("gone.txt"));
        nodes.insert(path("link"), Node::Link { target: b"/etc/passwd".to_vec() });
        let odd = TreePath::parse(b"src/\xff\n").expect("a path");
        let bytes = (0..100_000_u32).flat_map(|n| n.wrapping_mul(n).to_be_bytes()).collect();
        nodes.insert(odd, Node::File { mode: 0o755, modified_ns: 2, bytes });
    }
    let checkpoint = bench.save(&bench.tree.scan()).await.expect("it is saved");
    (bench, checkpoint)
}

/// Blobs of version 1 that every release must read. `docs/spec/workspace-checkpoint.md` describes them.
#[tokio::test]
async fn the_frozen_checkpoint_is_read() {
    let (made, _) = example().await;
    let read = |name: &str| std::fs::read(fixture().join(name)).expect("the fixture is there");
    let checkpoint: Checkpoint =
        serde_json::from_slice(&read("checkpoint.json")).expect("a checkpoint");
    let bench = Bench::default();
    let mut open = vec![checkpoint.workspace.clone()];
    while let Some(name) = open.pop() {
        let blob = read(&name);
        let named = references(&blob).expect("a blob of a checkpoint");
        open.extend(named.inner.into_iter().chain(named.leaves));
        bench.blobs.add(blob);
    }
    let (restored, _) = bench.restored(&checkpoint).await.expect("it is restored");
    assert_eq!(restored.nodes(), made.tree.nodes());
}
