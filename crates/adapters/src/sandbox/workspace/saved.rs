//! Reads files of a checkpoint, without a machine.
//!
//! Invariant: what is read is what the checkpoint's names say, or an error. Deliberately absent: links,
//! which are followed by nobody outside of a machine.

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
