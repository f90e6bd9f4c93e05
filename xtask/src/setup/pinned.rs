//! Folders of the cache that are made of a pinned list in the repository.
//!
//! Invariant: a folder belongs to one text of its list and is used only when it was finished; a
//! changed list gets a new one.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// Written last, so that an interrupted installation is seen.
const FINISHED_MARK: &str = ".finished";

/// Where what this list of the repository names is, or will be.
pub(super) fn folder(workspace: &Workspace, name: &str, list: &str) -> Result<PathBuf> {
    let path = workspace.root.join(list);
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    Ok(workspace.cache_dir.join(format!("{name}-{:016x}", hasher.finish())))
}

/// Fills the folder, unless that was done.
pub(super) fn ensure(folder: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let mark = folder.join(FINISHED_MARK);
    if mark.is_file() {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    fill(folder)?;
    fs::write(&mark, "").with_context(|| format!("writing {}", mark.display()))
}
