//! Random trees and edits: what is restored is what was saved.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::support::{Bench, Node, path, session};
use crate::sandbox::workspace::limits::MAX_LAYERS;
use crate::sandbox::workspace::{Shelf, TreePath, load};

type Nodes = BTreeMap<TreePath, Node>;

/// One change of a tree.
#[derive(Debug, Clone)]
enum Edit {
    Put(u8, u8, Node),
    Remove(u8, u8),
    RemoveFolder(u8),
    Touch(u8, u8),
}

fn node() -> impl Strategy<Value = Node> {
    prop_oneof![
        6 => (any::<u64>(), prop::collection::vec(any::<u8>(), 0..200)).prop_map(
            |(modified_ns, bytes)| Node::File { mode: 0o600, modified_ns, bytes }
        ),
        1 => (any::<u64>(), 0..200_000_usize, any::<u8>()).prop_map(
            |(modified_ns, length, seed)| {
                let mut state = u32::from(seed) | 1;
                let bytes = (0..length).map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    state.to_be_bytes()[0]
                });
                Node::File { mode: 0o755, modified_ns, bytes: bytes.collect() }
            }
        ),
        1 => (0..=0o777_u32).prop_map(|mode| Node::Folder { mode }),
        1 => prop::collection::vec(1..=255_u8, 1..40).prop_map(|target| Node::Link { target }),
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        6 => (0..6_u8, 0..12_u8, node()).prop_map(|(a, b, node)| Edit::Put(a, b, node)),
        2 => (0..6_u8, 0..12_u8).prop_map(|(a, b)| Edit::Remove(a, b)),
        1 => (0..6_u8).prop_map(Edit::RemoveFolder),
        1 => (0..6_u8, 0..12_u8).prop_map(|(a, b)| Edit::Touch(a, b)),
    ]
}

fn folder(a: u8) -> TreePath {
    path(["a", "a-b", "a.c", "b", "ä", "z z"][usize::from(a)])
}

/// Names that sort before and behind `/`, and one that is not UTF-8.
fn file(a: u8, b: u8) -> TreePath {
    let mut name = folder(a).as_bytes().to_vec();
    name.extend_from_slice(b"/n");
    name.push(if b == 0 {
        0xff
    } else {
        [b'!', b'-', b'0', b'A', b'a', b'y'][usize::from(b) % 6] + b / 6
    });
    TreePath::parse(&name).expect("a path")
}

fn apply(nodes: &mut Nodes, edit: &Edit) {
    match edit {
        Edit::Put(a, b, node) => {
            nodes.entry(folder(*a)).or_insert(Node::Folder { mode: 0o755 });
            nodes.insert(file(*a, *b), node.clone());
        }
        Edit::Remove(a, b) => drop(nodes.remove(&file(*a, *b))),
        Edit::RemoveFolder(a) => {
            let start = [folder(*a).as_bytes(), b"/"].concat();
            nodes.retain(|path, _| *path != folder(*a) && !path.as_bytes().starts_with(&start));
        }
        Edit::Touch(a, b) => {
            if let Some(Node::File { modified_ns, mode, .. }) = nodes.get_mut(&file(*a, *b)) {
                *modified_ns = modified_ns.wrapping_add(1);
                *mode ^= 0o100;
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Memory {
    Kept,
    Loaded,
    Restored,
}

async fn check(rounds: Vec<(Vec<Edit>, bool, Memory)>) -> Result<(), TestCaseError> {
    let mut bench = Bench::default();
    for (edits, is_full, memory) in rounds {
        let before = bench.tree.nodes();
        let mut nodes = before.clone();
        edits.iter().for_each(|edit| apply(&mut nodes, edit));
        *bench.tree.nodes.lock().expect("not poisoned") = nodes.clone();
        let scan = if is_full { bench.tree.scan() } else { bench.tree.scan_since(&before) };
        let checkpoint = bench.save(&scan).await.expect("it is saved");
        prop_assert!(bench.known.layers.len() <= MAX_LAYERS);
        let (restored, known) = bench.restored(&checkpoint).await.expect("it is restored");
        prop_assert_eq!(restored.nodes(), nodes);
        let again = bench.save(&bench.tree.scan()).await.expect("it is saved");
        prop_assert_eq!(again.written_bytes, 0);
        prop_assert_eq!(again.workspace, checkpoint.workspace.clone());
        let session = session();
        match memory {
            Memory::Kept => {}
            Memory::Restored => bench.known = known,
            Memory::Loaded => {
                let shelf = Shelf::new(&bench.blobs, &session);
                bench.known = load(&checkpoint, shelf).await.expect("it is loaded");
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_restored_is_what_was_saved(
        rounds in prop::collection::vec(
            (
                prop::collection::vec(edit(), 0..12),
                any::<bool>(),
                prop_oneof![Just(Memory::Kept), Just(Memory::Loaded), Just(Memory::Restored)],
            ),
            1..40,
        )
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(check(rounds))?;
    }
}
