//! Blobs and trees in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use mainstay_core::port::{BlobError, Blobs, Checkpoint, FileKind};
use mainstay_protocol::SessionId;

use crate::sandbox::workspace::shelf::hash_of;
use crate::sandbox::workspace::{
    FileSource, FileTarget, Found, KnownTree, NewFile, Part, Scan, Shelf, TreeFault, TreePath,
    WorkspaceError, restore, save,
};

pub(super) fn path(text: &str) -> TreePath {
    TreePath::parse(text.as_bytes()).expect("a path")
}

pub(super) fn session() -> SessionId {
    SessionId::parse("ses_1").expect("an id")
}

/// Blobs that count.
#[derive(Default)]
pub(super) struct MemoryBlobs {
    pub(super) kept: Mutex<HashMap<String, Bytes>>,
}

impl MemoryBlobs {
    pub(super) fn count(&self) -> usize {
        self.kept.lock().expect("not poisoned").len()
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.kept.lock().expect("not poisoned").values().map(|blob| blob.len() as u64).sum()
    }

    pub(super) fn add(&self, bytes: impl Into<Bytes>) -> String {
        let bytes = bytes.into();
        let name = hex::encode(hash_of(&bytes));
        self.kept.lock().expect("not poisoned").insert(name.clone(), bytes);
        name
    }
}

#[async_trait]
impl Blobs for MemoryBlobs {
    async fn put(&self, _: &SessionId, bytes: Bytes) -> Result<String, BlobError> {
        Ok(self.add(bytes))
    }

    async fn get(&self, _: &SessionId, hash: &str) -> Result<Option<Bytes>, BlobError> {
        Ok(self.kept.lock().expect("not poisoned").get(hash).cloned())
    }
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    File { mode: u32, modified_ns: u64, bytes: Vec<u8> },
    Folder { mode: u32 },
    Link { target: Vec<u8> },
}

/// A tree in memory.
#[derive(Debug, Default)]
pub(super) struct MemoryTree {
    pub(super) nodes: Mutex<BTreeMap<TreePath, Node>>,
}

impl MemoryTree {
    pub(super) fn new(nodes: BTreeMap<TreePath, Node>) -> Self {
        Self { nodes: Mutex::new(nodes) }
    }

    pub(super) fn nodes(&self) -> BTreeMap<TreePath, Node> {
        self.nodes.lock().expect("not poisoned").clone()
    }

    pub(super) fn put(&self, at: &str, modified_ns: u64, bytes: Vec<u8>) {
        let node = Node::File { mode: 0o644, modified_ns, bytes };
        self.nodes.lock().expect("not poisoned").insert(path(at), node);
    }

    pub(super) fn scan(&self) -> Scan {
        let nodes = self.nodes();
        let changed = nodes.iter().map(|(path, node)| found(path, node)).collect();
        Scan { is_full: true, changed, removed: Vec::new() }
    }

    /// What is different from `before`, as an agent that watches would say it.
    pub(super) fn scan_since(&self, before: &BTreeMap<TreePath, Node>) -> Scan {
        let nodes = self.nodes();
        let is_new = |(path, node): &(&TreePath, &Node)| before.get(*path) != Some(*node);
        let changed = nodes.iter().filter(is_new).map(|(path, node)| found(path, node)).collect();
        let removed = before.keys().filter(|path| !nodes.contains_key(*path)).cloned().collect();
        Scan { is_full: false, changed, removed }
    }
}

fn found(path: &TreePath, node: &Node) -> Found {
    let (kind, mode, size, modified_ns, target) = match node {
        Node::File { mode, modified_ns, bytes } => {
            (FileKind::File, *mode, bytes.len(), *modified_ns, None)
        }
        Node::Folder { mode } => (FileKind::Folder, *mode, 0, 0, None),
        Node::Link { target } => (FileKind::Link, 0o777, 0, 0, Some(target.clone().into())),
    };
    let (path, size_bytes) = (path.clone(), size as u64);
    Found { path, kind, mode, size_bytes, modified_ns, changed_ns: 0, target }
}

#[async_trait]
impl FileSource for MemoryTree {
    async fn read(
        &self,
        path: &TreePath,
        offset: u64,
        limit_bytes: usize,
    ) -> Result<Option<Bytes>, TreeFault> {
        let nodes = self.nodes.lock().expect("not poisoned");
        let Some(Node::File { bytes, .. }) = nodes.get(path) else {
            return Ok(None);
        };
        let start = usize::try_from(offset).expect("small").min(bytes.len());
        let end = bytes.len().min(start + limit_bytes);
        Ok(Some(Bytes::copy_from_slice(&bytes[start..end])))
    }
}

#[async_trait]
impl FileTarget for MemoryTree {
    async fn make_folder(&self, path: &TreePath) -> Result<(), TreeFault> {
        self.make(path, Node::Folder { mode: 0 })
    }

    async fn write(&self, file: &NewFile, part: Part) -> Result<(), TreeFault> {
        if part.offset == 0 {
            let NewFile { mode, modified_ns, .. } = *file;
            self.make(&file.path, Node::File { mode, modified_ns, bytes: Vec::new() })?;
        }
        let mut nodes = self.nodes.lock().expect("not poisoned");
        let Some(Node::File { bytes, .. }) = nodes.get_mut(&file.path) else {
            panic!("{} was made", file.path);
        };
        assert_eq!(bytes.len() as u64, part.offset, "parts come in order");
        bytes.extend_from_slice(&part.bytes);
        assert_eq!(part.is_last, bytes.len() as u64 == file.size_bytes);
        Ok(())
    }

    async fn make_link(&self, path: &TreePath, target: &[u8]) -> Result<(), TreeFault> {
        self.make(path, Node::Link { target: target.to_vec() })
    }

    async fn set_folder_mode(&self, path: &TreePath, mode: u32) -> Result<(), TreeFault> {
        self.nodes.lock().expect("not poisoned").insert(path.clone(), Node::Folder { mode });
        Ok(())
    }
}

impl MemoryTree {
    fn make(&self, path: &TreePath, node: Node) -> Result<(), TreeFault> {
        let mut nodes = self.nodes.lock().expect("not poisoned");
        if let Some(parent) = path.parent() {
            assert!(matches!(nodes.get(&parent), Some(Node::Folder { .. })), "{path} has a folder");
        }
        assert!(nodes.insert(path.clone(), node).is_none(), "{path} is new");
        Ok(())
    }
}

/// A workspace with its blobs and what is known of it.
#[derive(Default)]
pub(super) struct Bench {
    pub(super) blobs: MemoryBlobs,
    pub(super) tree: MemoryTree,
    pub(super) known: KnownTree,
}

impl Bench {
    pub(super) async fn save(&mut self, scan: &Scan) -> Result<Checkpoint, WorkspaceError> {
        let session = session();
        save(&mut self.known, scan, &self.tree, Shelf::new(&self.blobs, &session)).await
    }

    pub(super) async fn restored(
        &self,
        checkpoint: &Checkpoint,
    ) -> Result<(MemoryTree, KnownTree), WorkspaceError> {
        let into = MemoryTree::default();
        let known = restore(checkpoint, Shelf::new(&self.blobs, &session()), &into).await?;
        Ok((into, known))
    }
}
