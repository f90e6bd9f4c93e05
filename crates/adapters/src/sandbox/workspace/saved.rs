//! Reads files of a checkpoint, without a machine.
//!
//! Invariant: what is read is what the checkpoint's names say, or an error. Deliberately absent: links,
//! which are followed by nobody outside of a machine.

use std::collections::BTreeSet;

use bytes::{Bytes, BytesMut};
use mainstay_core::port::{Checkpoint, SavedFile, WORKSPACE};
use sha2::{Digest, Sha256};

use super::error::WorkspaceError;
use super::format::Entry;
use super::load::load;
use super::path::TreePath;
use super::restore::Packs;
use super::shelf::Shelf;

/// The files below a folder of the workspace, in the order of their paths.
pub async fn files_below(
    checkpoint: &Checkpoint,
    shelf: Shelf<'_>,
    folder: &str,
) -> Result<Vec<SavedFile>, WorkspaceError> {
    let known = load(checkpoint, shelf).await?;
    let prefix = format!("{folder}/");
    let files = known.entries.iter().filter_map(|(path, known)| {
        let Entry::File { content, .. } = &known.entry else { return None };
        // A path that is no text has no name in the API.
        let path = std::str::from_utf8(path.as_bytes()).ok()?;
        path.starts_with(&prefix).then(|| {
            let mut digest = Sha256::new();
            content.iter().for_each(|piece| digest.update(piece.hash));
            SavedFile {
                path: format!("{WORKSPACE}/{path}"),
                size_bytes: known.entry.size_bytes(),
                digest: hex::encode(digest.finalize()),
            }
        })
    });
    Ok(files.collect())
}

/// The blobs by which the files below a folder are told and read that another checkpoint has not, or not
/// so: the names of both, and the packs of those files. None when there is no such file.
pub async fn blobs_of_files(
    checkpoint: &Checkpoint,
    other: Option<&Checkpoint>,
    shelf: Shelf<'_>,
    folder: &str,
) -> Result<Vec<String>, WorkspaceError> {
    let known = load(checkpoint, shelf).await?;
    let other = match other {
        Some(other) => Some(load(other, shelf).await?),
        None => None,
    };
    let prefix = format!("{folder}/");
    let mut packs = BTreeSet::new();
    let mut is_any = false;
    for (path, file) in &known.entries {
        let before = other.as_ref().and_then(|other| other.entries.get(path));
        let is_new = before.is_none_or(|before| !is_alike(&before.entry, &file.entry));
        let is_file = matches!(file.entry, Entry::File { .. });
        if is_file && is_new && path.as_bytes().starts_with(prefix.as_bytes()) {
            is_any = true;
            packs.extend(file.entry.pieces().iter().map(|piece| known.packs[piece.pack as usize]));
        }
    }
    if !is_any {
        return Ok(Vec::new());
    }
    let mut blobs: BTreeSet<String> = packs.iter().map(hex::encode).collect();
    for tree in [Some(&known), other.as_ref()].into_iter().flatten() {
        blobs.extend(tree.checkpoint.as_ref().map(|named| named.workspace.clone()));
        blobs.extend(tree.layers.iter().map(|layer| hex::encode(layer.name.hash)));
    }
    Ok(blobs.into_iter().collect())
}

/// Whether two files hold the same.
fn is_alike(one: &Entry, other: &Entry) -> bool {
    let hashes = |entry: &Entry| entry.pieces().iter().map(|piece| piece.hash).collect::<Vec<_>>();
    matches!(one, Entry::File { .. }) && hashes(one) == hashes(other)
}

/// A file's bytes; none when there is no such file, an error when it is longer than the limit.
pub async fn read_saved(
    checkpoint: &Checkpoint,
    shelf: Shelf<'_>,
    path: &str,
    limit_bytes: u64,
) -> Result<Option<Bytes>, WorkspaceError> {
    let below = path.strip_prefix(WORKSPACE).and_then(|path| path.strip_prefix('/'));
    let Some(path) = below.and_then(|path| TreePath::parse(path.as_bytes()).ok()) else {
        return Ok(None);
    };
    let known = load(checkpoint, shelf).await?;
    let Some(entry) = known.entries.get(&path).map(|known| &known.entry) else { return Ok(None) };
    let Entry::File { content, .. } = entry else { return Ok(None) };
    let size = entry.size_bytes();
    if size > limit_bytes {
        let text = format!("the file {path} has {size} bytes, more than {limit_bytes}");
        return Err(WorkspaceError::LimitReached(text));
    }
    let packs = Packs::new(&known, shelf);
    let mut bytes = BytesMut::new();
    for piece in content {
        bytes.extend_from_slice(&packs.bytes(piece).await?);
    }
    Ok(Some(bytes.freeze()))
}
