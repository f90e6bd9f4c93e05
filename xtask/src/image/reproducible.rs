//! Whether two builds of a part are the same to the byte.
//!
//! Invariant: what makes another image in a machine (names, kinds, rights, times, contents) is compared; owners
//! are not, because whoever builds owns the folder, and the disk says root for all.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Names that are told of what differs.
const MAX_TOLD: usize = 12;

/// What differs between a part and one that was built again; `made_of` names the file of each that says what
/// it was made of.
pub(super) fn difference(kept: &Path, again: &Path, made_of: &str) -> Result<Option<String>> {
    let list = |folder: &Path| {
        let path = folder.join(made_of);
        fs::read(&path).with_context(|| format!("reading {}", path.display()))
    };
    if list(kept)? != list(again)? {
        return Ok(Some(format!(
            "{made_of} differs, so that the two were not made of the same: packages have changed since. \
             Build with --fresh, and check then"
        )));
    }
    let mut names = BTreeSet::new();
    for folder in [kept, again] {
        collect(folder, Path::new(""), &mut names)?;
    }
    let mut told = Vec::new();
    for name in &names {
        if let Some(what) = differs(&kept.join(name), &again.join(name))? {
            told.push(format!("{} ({what})", name.display()));
        }
    }
    if told.is_empty() {
        return Ok(None);
    }
    let count = told.len();
    told.truncate(MAX_TOLD);
    Ok(Some(format!(
        "{count} files of {} differ when it is built again: {}",
        names.len(),
        told.join(", ")
    )))
}

/// The names below a folder.
fn collect(folder: &Path, below: &Path, names: &mut BTreeSet<PathBuf>) -> Result<()> {
    let path = folder.join(below);
    for entry in fs::read_dir(&path).with_context(|| format!("listing {}", path.display()))? {
        let entry = entry.with_context(|| format!("listing {}", path.display()))?;
        let name = below.join(entry.file_name());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(folder, &name, names)?;
        }
        names.insert(name);
    }
    Ok(())
}

/// What is different about two files, if anything is.
fn differs(one: &Path, other: &Path) -> Result<Option<&'static str>> {
    let (Ok(first), Ok(second)) = (fs::symlink_metadata(one), fs::symlink_metadata(other)) else {
        return Ok(Some("there once"));
    };
    if first.file_type() != second.file_type() {
        return Ok(Some("another kind"));
    }
    if rights(&first) != rights(&second) {
        return Ok(Some("other rights"));
    }
    if first.is_symlink() {
        let read = |path| fs::read_link(path).context("reading a link");
        return Ok((read(one)? != read(other)?).then_some("another target"));
    }
    // What lies beside the tree was made when it was built.
    let is_in_tree = one.components().any(|part| part.as_os_str() == "tree");
    if is_in_tree && (first.mtime(), first.mtime_nsec()) != (second.mtime(), second.mtime_nsec()) {
        return Ok(Some("another time"));
    }
    if !first.is_file() {
        return Ok(None);
    }
    let read = |path: &Path| fs::read(path).with_context(|| format!("reading {}", path.display()));
    Ok((first.len() != second.len() || read(one)? != read(other)?).then_some("other bytes"))
}

fn rights(metadata: &Metadata) -> u32 {
    metadata.permissions().mode()
}

#[cfg(test)]
#[path = "reproducible_tests.rs"]
mod tests;
