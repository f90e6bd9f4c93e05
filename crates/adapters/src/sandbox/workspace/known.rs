//! What the host remembers of a workspace as it was saved last.
//!
//! Invariant: it says the same as the blobs of its checkpoint, so that it can be dropped at any time and
//! loaded again. It changes only once all blobs of a new checkpoint are kept.

use std::collections::{BTreeMap, HashMap};

use mainstay_core::port::Checkpoint;

use super::error::WorkspaceError;
use super::format::{Entry, LayerName, Piece};
use super::limits::{MAX_ENTRIES, MAX_NAMES_BYTES, MAX_WORKSPACE_BYTES};
use super::path::TreePath;
use super::shelf::BlobHash;

/// A workspace as its last checkpoint has it. A new one has none yet, and is empty.
#[derive(Debug, Default)]
pub struct KnownTree {
    pub(super) checkpoint: Option<Checkpoint>,
    pub(super) entries: BTreeMap<TreePath, Known>,
    /// What layers above the lowest say is gone, and which of them.
    pub(super) removed: BTreeMap<TreePath, u32>,
    /// Oldest first; their numbers rise.
    pub(super) layers: Vec<KnownLayer>,
    pub(super) packs: Vec<BlobHash>,
    /// The pieces of all files, by what they hold, and how often they are used.
    pieces: HashMap<BlobHash, (Piece, u32)>,
    pub(super) totals: Totals,
}

/// What is known of one path.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) entry: Entry,
    /// The number of the layer that says so.
    pub(super) layer: u32,
    pub(super) seen: Seen,
}

/// When the kernel had seen a file change last, as of when it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// The file's own time must do.
    Unknown,
    /// So recently that a change after it may show the same time.
    Unsettled,
    /// Then.
    At(u64),
}

/// A layer of the checkpoint.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownLayer {
    pub(super) name: LayerName,
    pub(super) number: u32,
}

/// What a workspace comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Files and links.
    pub(super) file_count: u64,
    /// Files, folders and links.
    pub(super) entry_count: u64,
    pub(super) size_bytes: u64,
    /// Of all paths and targets.
    pub(super) names_bytes: u64,
}

impl Totals {
    pub(super) fn add(&mut self, path: &TreePath, entry: &Entry) {
        let one = Self::of(path, entry);
        self.file_count += one.file_count;
        self.entry_count += one.entry_count;
        self.size_bytes += one.size_bytes;
        self.names_bytes += one.names_bytes;
    }

    pub(super) fn remove(&mut self, path: &TreePath, entry: &Entry) {
        let one = Self::of(path, entry);
        self.file_count -= one.file_count;
        self.entry_count -= one.entry_count;
        self.size_bytes -= one.size_bytes;
        self.names_bytes -= one.names_bytes;
    }

    fn of(path: &TreePath, entry: &Entry) -> Self {
        let (file_count, target_bytes) = match entry {
            Entry::File { .. } => (1, 0),
            Entry::Folder { .. } => (0, 0),
            Entry::Link { target } => (1, target.len()),
        };
        Self {
            file_count,
            entry_count: 1,
            size_bytes: entry.size_bytes(),
            names_bytes: (path.as_bytes().len() + target_bytes) as u64,
        }
    }

    pub(super) fn check(&self) -> Result<(), WorkspaceError> {
        let too_much = if self.entry_count > MAX_ENTRIES as u64 {
            format!("{} files, folders and links, more than {MAX_ENTRIES}", self.entry_count)
        } else if self.size_bytes > MAX_WORKSPACE_BYTES {
            format!("{} bytes, more than {MAX_WORKSPACE_BYTES}", self.size_bytes)
        } else if self.names_bytes > MAX_NAMES_BYTES {
            format!("paths of {} bytes, more than {MAX_NAMES_BYTES}", self.names_bytes)
        } else {
            return Ok(());
        };
        Err(WorkspaceError::LimitReached(format!("the workspace has {too_much}")))
    }
}

impl KnownTree {
    /// The checkpoint that it is the memory of; none before the first.
    #[must_use]
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        self.checkpoint.as_ref()
    }

    /// Where bytes with this hash already are.
    pub(super) fn piece(&self, hash: &BlobHash) -> Option<Piece> {
        self.pieces.get(hash).map(|(piece, _)| *piece)
    }

    /// The number of the next layer.
    pub(super) fn next_layer(&self) -> u32 {
        self.layers.last().map_or(0, |layer| layer.number + 1)
    }

    /// Takes over what one path has become, as a layer says.
    pub(super) fn set(&mut self, path: TreePath, entry: Option<Entry>, layer: u32, seen: Seen) {
        if let Some(before) = self.entries.remove(&path) {
            self.totals.remove(&path, &before.entry);
            self.release(&before.entry);
        }
        let Some(entry) = entry else {
            self.removed.insert(path, layer);
            return;
        };
        self.removed.remove(&path);
        self.totals.add(&path, &entry);
        for piece in entry.pieces() {
            self.pieces.entry(piece.hash).or_insert((*piece, 0)).1 += 1;
        }
        self.entries.insert(path, Known { entry, layer, seen });
    }

    /// Drops packs that no file is in any more.
    pub(super) fn forget_packs(&mut self) {
        let mut new_numbers = HashMap::new();
        let mut packs = Vec::new();
        let old = &self.packs;
        let mut renumber = |piece: &mut Piece| {
            piece.pack = *new_numbers.entry(piece.pack).or_insert_with(|| {
                packs.push(old[piece.pack as usize]);
                u32::try_from(packs.len() - 1).expect("packs are few")
            });
        };
        for known in self.entries.values_mut() {
            if let Entry::File { content, .. } = &mut known.entry {
                content.iter_mut().for_each(&mut renumber);
            }
        }
        self.pieces.values_mut().for_each(|(piece, _)| renumber(piece));
        self.packs = packs;
    }

    fn release(&mut self, entry: &Entry) {
        for piece in entry.pieces() {
            if let Some((_, uses)) = self.pieces.get_mut(&piece.hash) {
                *uses -= 1;
                if *uses == 0 {
                    self.pieces.remove(&piece.hash);
                }
            }
        }
    }
}
