//! Reads what a checkpoint says is in a workspace, and refuses what none can say.

use std::collections::{BTreeMap, HashMap};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use mainstay_core::port::Checkpoint;

use super::error::WorkspaceError;
use super::format::{Entry, Layer, Root};
use super::known::{KnownLayer, KnownTree, Seen};
use super::limits::{CONCURRENT_BLOBS, MAX_ENTRIES, MAX_FILE_BYTES};
use super::path::TreePath;
use super::shelf::{BlobHash, Shelf};

/// Remembers a checkpoint from its blobs. No pack is read.
pub async fn load(checkpoint: &Checkpoint, shelf: Shelf<'_>) -> Result<KnownTree, WorkspaceError> {
    let mut name = BlobHash::default();
    hex::decode_to_slice(&checkpoint.workspace, &mut name)
        .map_err(|_| damaged(format!("{:?} names no blob", checkpoint.workspace)))?;
    let root = Root::decode(&shelf.get(name).await?)?;
    let mut known = KnownTree::default();
    let mut pack_numbers = HashMap::new();
    {
        let layers = stream::iter(root.layers.iter().copied())
            .map(|name| async move {
                let layer = Layer::decode(&shelf.get(name.hash).await?)?;
                if layer.entries.len() as u64 == name.count {
                    return Ok((name, layer));
                }
                Err(damaged(format!("a layer has other paths than the {} it should", name.count)))
            })
            .buffered(CONCURRENT_BLOBS);
        let mut layers = std::pin::pin!(layers);
        while let Some((name, layer)) = layers.try_next().await? {
            let number = known.next_layer();
            known.layers.push(KnownLayer { name, number });
            add_layer(&mut known, &mut pack_numbers, layer, number)?;
        }
    }
    if root.layers.len() < 2 {
        known.removed.clear();
    }
    check(&known, &root)?;
    known.checkpoint = Some(checkpoint.clone());
    Ok(known)
}

fn add_layer(
    known: &mut KnownTree,
    pack_numbers: &mut HashMap<BlobHash, u32>,
    layer: Layer,
    number: u32,
) -> Result<(), WorkspaceError> {
    let mut own = Vec::with_capacity(layer.packs.len());
    for pack in layer.packs {
        let next =
            u32::try_from(known.packs.len()).map_err(|_| damaged("it has too many packs"))?;
        own.push(*pack_numbers.entry(pack).or_insert_with(|| {
            known.packs.push(pack);
            next
        }));
    }
    for (path, mut entry) in layer.entries {
        if let Some(Entry::File { content, .. }) = &mut entry {
            for piece in content {
                piece.pack = own[piece.pack as usize];
            }
        }
        known.set(path, entry, number, Seen::Unknown);
        if known.entries.len() > MAX_ENTRIES || known.removed.len() > MAX_ENTRIES {
            return Err(damaged(format!("it has more than {MAX_ENTRIES} files")));
        }
    }
    Ok(())
}

/// What lies in what, how much it is, and that the root knew.
fn check(known: &KnownTree, root: &Root) -> Result<(), WorkspaceError> {
    known.totals.check().map_err(|error| damaged(error.to_string()))?;
    let totals = known.totals;
    if (totals.file_count, totals.entry_count, totals.size_bytes)
        != (root.file_count, root.entry_count, root.size_bytes)
    {
        return Err(damaged("its files are other than its root says"));
    }
    let folders: BTreeMap<&TreePath, ()> = known
        .entries
        .iter()
        .filter(|(_, known)| matches!(known.entry, Entry::Folder { .. }))
        .map(|(path, _)| (path, ()))
        .collect();
    for (path, known) in &known.entries {
        if path.parent().is_some_and(|parent| !folders.contains_key(&parent)) {
            return Err(damaged(format!("{path} is in no folder")));
        }
        if known.entry.size_bytes() > MAX_FILE_BYTES {
            return Err(damaged(format!("the file {path} is larger than {MAX_FILE_BYTES} bytes")));
        }
    }
    Ok(())
}

fn damaged(what: impl Into<String>) -> WorkspaceError {
    WorkspaceError::Damaged(what.into())
}
