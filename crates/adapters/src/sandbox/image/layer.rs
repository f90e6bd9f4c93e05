//! One layer of an archive, laid over what is there.
//!
//! Invariant: a file of the layer is never removed by a mark of the same layer, in whatever order they
//! come. Devices are left out below `dev`, which machines have of their own, and refused elsewhere.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::{BufRead, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;
use tar::{Archive, Entry, EntryType};

use super::error::{Attempt, ImageError};
use super::tree::Tree;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const REMOVED_PREFIX: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
const DEVICES: &str = "dev";

/// Lays it over the tree.
pub(super) fn apply(tree: &mut Tree, mut layer: impl BufRead) -> Result<(), ImageError> {
    let start = layer.fill_buf().attempt(|| "reading a layer".to_owned())?;
    if start.starts_with(&GZIP) {
        return apply_plain(tree, MultiGzDecoder::new(layer));
    }
    if start.starts_with(&ZSTD) {
        let decoder = StreamingDecoder::new(layer)
            .map_err(|error| ImageError::invalid(format!("reading a zstd layer: {error}")))?;
        return apply_plain(tree, decoder);
    }
    apply_plain(tree, layer)
}

fn apply_plain(tree: &mut Tree, layer: impl Read) -> Result<(), ImageError> {
    let mut archive = Archive::new(layer);
    let mut written = HashSet::new();
    let entries = archive.entries().attempt(|| "reading a layer".to_owned())?;
    for entry in entries {
        let mut entry = entry.map_err(|error| {
            ImageError::invalid(format!("a layer is not a tar archive: {error}"))
        })?;
        apply_entry(tree, &mut entry, &mut written)?;
    }
    Ok(())
}

fn apply_entry(
    tree: &mut Tree,
    entry: &mut Entry<'_, impl Read>,
    written: &mut HashSet<PathBuf>,
) -> Result<(), ImageError> {
    let kind = entry.header().entry_type();
    let path = entry.path().attempt(|| "reading a path of a layer".to_owned())?;
    let path: PathBuf = path.components().filter(|part| part.as_os_str() != ".").collect();
    let path = path.strip_prefix("/").map(Path::to_path_buf).unwrap_or(path);
    let name = path.file_name().map(OsStr::as_bytes).unwrap_or_default();
    let above = path.parent().unwrap_or(Path::new(""));
    if name == OPAQUE {
        return hide_all(tree, above, written);
    }
    if let Some(hidden) = name.strip_prefix(REMOVED_PREFIX) {
        let hidden = above.join(OsStr::from_bytes(hidden));
        return if written.contains(&hidden) { Ok(()) } else { tree.remove(&hidden) };
    }
    let mode = entry.header().mode().attempt(|| format!("reading {}", path.display()))?;
    match kind {
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            let size_bytes = entry.size();
            tree.file(&path, mode, size_bytes, entry)?;
        }
        EntryType::Directory => tree.folder(&path, mode)?,
        EntryType::Symlink => tree.link(&path, &target(entry, &path)?)?,
        EntryType::Link => tree.hard_link(&path, &target(entry, &path)?)?,
        EntryType::Char | EntryType::Block | EntryType::Fifo if path.starts_with(DEVICES) => {}
        EntryType::Char | EntryType::Block | EntryType::Fifo => {
            return Err(ImageError::invalid(format!("{} is a device", path.display())));
        }
        // Marks of the archive itself.
        EntryType::XGlobalHeader => {}
        other => {
            let path = path.display();
            return Err(ImageError::invalid(format!("{path} is of an unknown kind, {other:?}")));
        }
    }
    written.insert(path);
    Ok(())
}

/// Removes what earlier layers have in a folder.
fn hide_all(tree: &mut Tree, folder: &Path, written: &HashSet<PathBuf>) -> Result<(), ImageError> {
    for name in tree.names(folder)? {
        let path = folder.join(name);
        if !written.iter().any(|own| own.starts_with(&path)) {
            tree.remove(&path)?;
        }
    }
    Ok(())
}

fn target(entry: &Entry<'_, impl Read>, path: &Path) -> Result<PathBuf, ImageError> {
    let target = entry.link_name().attempt(|| format!("reading the link {}", path.display()))?;
    target
        .map(std::borrow::Cow::into_owned)
        .ok_or_else(|| ImageError::invalid(format!("the link {} names nothing", path.display())))
}

#[cfg(test)]
#[path = "layer_tests.rs"]
mod tests;
