//! Saves a workspace: what changed since the last time, and no more.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use mainstay_core::port::Checkpoint;

use super::chunk::Pieces;
use super::error::WorkspaceError;
use super::format::{Entry, Layer, LayerName, Root};
use super::known::{KnownLayer, KnownTree, Seen, Totals};
use super::limits::{
    CONCURRENT_FILES, LAYER_FAN, MAX_LAYER_BYTES, MIN_REWRITE_ENTRIES, READ_BYTES,
};
use super::pack::{Packed, Packer};
use super::path::TreePath;
use super::plan::{Plan, kept_mode, newest_ns, seen_now};
use super::shelf::{BlobHash, Shelf, hash_of};
use super::tree::{FileSource, Found, Scan};

/// Saves what a scan found, and remembers it. On an error nothing is remembered, and blobs that were
/// written by then are named by nothing. A scan that found nothing new gives the last checkpoint.
pub async fn save(
    known: &mut KnownTree,
    scan: &Scan,
    source: &dyn FileSource,
    shelf: Shelf<'_>,
) -> Result<Checkpoint, WorkspaceError> {
    let plan = Plan::new(known, scan)?;
    let mut changes = Changes { entries: plan.changes, seen: plan.seen, totals: known.totals };
    changes.count(known)?;
    let (packed, packs_kept) = {
        let mut packer = Packer::new(shelf, known);
        let newest_ns = newest_ns(scan);
        let firsts = stream::iter(plan.reads.into_values())
            .map(|found| async move {
                let first = source.read(&found.path, 0, READ_BYTES).await?;
                Ok::<_, WorkspaceError>((found, first))
            })
            .buffered(CONCURRENT_FILES);
        let mut firsts = std::pin::pin!(firsts);
        while let Some((found, first)) = firsts.try_next().await? {
            let entry = match first {
                Some(first) => Some(read_file(source, found, &first, &mut packer).await?),
                None => None,
            };
            changes.note(known, &found.path, entry, seen_now(found, newest_ns))?;
        }
        packer.finish().await?
    };
    if let Some(last) = known.checkpoint.as_ref().filter(|_| changes.entries.is_empty()) {
        let checkpoint = Checkpoint { written_bytes: 0, ..last.clone() };
        known.see(changes.seen);
        return Ok(checkpoint);
    }
    let next = Next::new(known, &changes, &packed)?;
    let puts = next.blobs.iter().map(|(hash, bytes)| shelf.put(*hash, bytes.clone()));
    futures::try_join!(packs_kept, futures::future::try_join_all(puts))?;
    Ok(known.apply(changes, packed, &next))
}

async fn read_file(
    source: &dyn FileSource,
    found: &Found,
    first: &Bytes,
    packer: &mut Packer<'_, '_>,
) -> Result<Entry, WorkspaceError> {
    let mut pieces = Pieces::new(source, &found.path, found.size_bytes, first);
    let mut content = Vec::new();
    while let Some(bytes) = pieces.next().await? {
        content.push(packer.add(&bytes).await?);
    }
    Ok(Entry::File {
        mode: kept_mode(found),
        modified_ns: found.modified_ns,
        content: content.into(),
    })
}

/// What is to be remembered once it is kept.
struct Changes {
    entries: BTreeMap<TreePath, Option<Entry>>,
    seen: Vec<(TreePath, Seen)>,
    totals: Totals,
}

impl Changes {
    /// Counts what was clear without reading.
    fn count(&mut self, known: &KnownTree) -> Result<(), WorkspaceError> {
        for (path, entry) in &self.entries {
            if let Some(before) = known.entries.get(path) {
                self.totals.remove(path, &before.entry);
            }
            if let Some(entry) = entry {
                self.totals.add(path, entry);
            }
        }
        self.totals.check()
    }

    /// Takes over a file that was read; none when it has gone since the scan.
    fn note(
        &mut self,
        known: &KnownTree,
        path: &TreePath,
        entry: Option<Entry>,
        seen: Seen,
    ) -> Result<(), WorkspaceError> {
        let before = known.entries.get(path).map(|known| &known.entry);
        if entry.is_some() {
            self.seen.push((path.clone(), seen));
        }
        if before == entry.as_ref() {
            return Ok(());
        }
        if let Some(before) = before {
            self.totals.remove(path, before);
        }
        if let Some(entry) = &entry {
            self.totals.add(path, entry);
        }
        self.entries.insert(path.clone(), entry);
        self.totals.check()
    }
}

/// The blobs of a new checkpoint beside its packs.
struct Next {
    root: BlobHash,
    blobs: Vec<(BlobHash, Bytes)>,
    /// How many of the known layers stay.
    kept: usize,
    layer: Option<LayerName>,
}

impl Next {
    fn new(known: &KnownTree, changes: &Changes, packed: &Packed) -> Result<Self, WorkspaceError> {
        let kept = kept_layers(known, changes.entries.len());
        let layer = layer_above(known, changes, packed, kept);
        let mut layers: Vec<_> = known.layers[..kept].iter().map(|layer| layer.name).collect();
        let mut blobs = Vec::new();
        let mut name = None;
        if !layer.entries.is_empty() {
            let bytes = layer.encode();
            if bytes.len() > MAX_LAYER_BYTES {
                return Err(WorkspaceError::LimitReached(format!(
                    "the paths and pieces of the workspace take more than {MAX_LAYER_BYTES} bytes"
                )));
            }
            let hash = hash_of(&bytes);
            let new = LayerName { hash, count: layer.entries.len() as u64 };
            blobs.push((hash, Bytes::from(bytes)));
            layers.push(new);
            name = Some(new);
        }
        let Totals { file_count, entry_count, size_bytes, .. } = changes.totals;
        let root = Bytes::from(Root { file_count, entry_count, size_bytes, layers }.encode());
        let hash = hash_of(&root);
        blobs.push((hash, root));
        Ok(Self { root: hash, blobs, kept, layer: name })
    }
}

/// How many of the known layers stay below a new one of so many paths. All are merged when what lies
/// above the lowest is half as much as it; otherwise as many as have gathered in a class of sizes, so
/// that a path is written again once in each class.
fn kept_layers(known: &KnownTree, change_count: usize) -> usize {
    let count = |layer: &KnownLayer| usize::try_from(layer.name.count).unwrap_or(usize::MAX);
    let Some((lowest, upper)) = known.layers.split_first() else {
        return 0;
    };
    let above = upper.iter().map(count).fold(change_count, usize::saturating_add);
    if above > (count(lowest) / 2).max(MIN_REWRITE_ENTRIES) {
        return 0;
    }
    let class = |count: usize| count.max(1).ilog(LAYER_FAN);
    let mut kept = upper.len();
    let mut merged = change_count;
    loop {
        let is_smaller = |layer: &&KnownLayer| class(count(layer)) < class(merged);
        let smaller = upper[..kept].iter().rev().take_while(is_smaller).count();
        let rest = &upper[..kept - smaller];
        let is_alike = |layer: &&KnownLayer| class(count(layer)) == class(merged);
        let alike = rest.iter().rev().take_while(is_alike).count();
        let taken = if alike + 1 >= LAYER_FAN { smaller + alike } else { smaller };
        if taken == 0 {
            return kept + 1;
        }
        merged = upper[kept - taken..kept].iter().map(count).fold(merged, usize::saturating_add);
        kept -= taken;
    }
}

/// The layer that takes the place of all behind the first `kept`.
fn layer_above(known: &KnownTree, changes: &Changes, packed: &Packed, kept: usize) -> Layer {
    let mut entries: BTreeMap<&TreePath, Option<&Entry>> = BTreeMap::new();
    if let Some(first) = known.layers.get(kept).map(|layer| layer.number) {
        let live = known.entries.iter().filter(|(_, known)| known.layer >= first);
        entries.extend(live.map(|(path, known)| (path, Some(&known.entry))));
        let removed = known.removed.iter().filter(|(_, layer)| **layer >= first);
        entries.extend(removed.map(|(path, _)| (path, None)));
    }
    entries.extend(changes.entries.iter().map(|(path, entry)| (path, entry.as_ref())));
    if kept == 0 {
        entries.retain(|_, entry| entry.is_some());
    }
    let mut names = PackNames { known, packed, own: HashMap::new(), packs: Vec::new() };
    let entries = entries.into_iter().map(|(path, entry)| {
        let entry = entry.map(|entry| names.translate(entry));
        (path.clone(), entry)
    });
    Layer { entries: entries.collect(), packs: names.packs }
}

/// The packs of one layer, which names its own alone.
struct PackNames<'a> {
    known: &'a KnownTree,
    packed: &'a Packed,
    own: HashMap<u32, u32>,
    packs: Vec<BlobHash>,
}

impl PackNames<'_> {
    fn translate(&mut self, entry: &Entry) -> Entry {
        let mut entry = entry.clone();
        if let Entry::File { content, .. } = &mut entry {
            for piece in content {
                piece.pack = self.own_index(piece.pack);
            }
        }
        entry
    }

    fn own_index(&mut self, pack: u32) -> u32 {
        let next = u32::try_from(self.packs.len()).expect("packs are few");
        *self.own.entry(pack).or_insert_with(|| {
            let index = pack as usize;
            let known = &self.known.packs;
            let hash = known.get(index).unwrap_or_else(|| &self.packed.packs[index - known.len()]);
            self.packs.push(*hash);
            next
        })
    }
}

impl KnownTree {
    fn see(&mut self, seen: Vec<(TreePath, Seen)>) {
        for (path, seen) in seen {
            if let Some(known) = self.entries.get_mut(&path) {
                known.seen = seen;
            }
        }
    }

    fn apply(&mut self, changes: Changes, packed: Packed, next: &Next) -> Checkpoint {
        let number = self.next_layer();
        if let Some(first) = self.layers.get(next.kept).map(|layer| layer.number) {
            let merged = self.entries.values_mut().filter(|known| known.layer >= first);
            merged.for_each(|known| known.layer = number);
            let merged = self.removed.values_mut().filter(|layer| **layer >= first);
            merged.for_each(|layer| *layer = number);
        }
        self.packs.extend(packed.packs);
        for (path, entry) in changes.entries {
            self.set(path, entry, number, Seen::Unknown);
        }
        self.see(changes.seen);
        self.layers.truncate(next.kept);
        self.layers.extend(next.layer.map(|name| KnownLayer { name, number }));
        if next.kept == 0 {
            self.removed.clear();
            self.forget_packs();
        }
        let blobs_bytes: usize = next.blobs.iter().map(|(_, bytes)| bytes.len()).sum();
        let checkpoint = Checkpoint {
            workspace: hex::encode(next.root),
            file_count: self.totals.file_count,
            size_bytes: self.totals.size_bytes,
            written_bytes: packed.written_bytes + blobs_bytes as u64,
        };
        self.checkpoint = Some(checkpoint.clone());
        checkpoint
    }
}
