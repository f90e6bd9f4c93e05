//! Fills a new workspace with the files of a folder.

use std::fs;
use std::io;
use std::path::Path;

use mainstay_protocol::SessionId;

use super::path::{TEMPORARY_PREFIX, is_hidden};
use super::workspace::workspace_dir;

/// The most files that one workspace starts with.
const MAX_SEED_FILES: usize = 10_000;
/// The most bytes that one workspace starts with.
const MAX_SEED_BYTES: u64 = 1_073_741_824;
/// The deepest folder that is copied.
const MAX_SEED_DEPTH: usize = 32;

/// What was copied so far.
#[derive(Default)]
struct Copied {
    files: usize,
    size_bytes: u64,
}

/// Copies the regular files below `from` into the workspace of a session that has none yet, and
/// gives their number. Links are left out. A workspace that is there already stays as it is. Not for
/// two callers at once: one would remove what the other is making.
pub fn seed_workspace(root: &Path, session: &SessionId, from: &Path) -> io::Result<usize> {
    let folder = workspace_dir(root, session);
    if folder.exists() {
        return Ok(0);
    }
    // Made beside the workspaces and moved into place, so that no turn sees half of it. The name
    // starts with a dot, as no workspace's does.
    let unfinished = root.join(format!("{TEMPORARY_PREFIX}{session}"));
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    fs::create_dir_all(&unfinished)?;
    let mut copied = Copied::default();
    copy_folder(from, &unfinished, MAX_SEED_DEPTH, &mut copied)?;
    fs::rename(&unfinished, &folder)?;
    fs::File::open(root)?.sync_all()?;
    Ok(copied.files)
}

fn copy_folder(from: &Path, to: &Path, depth: usize, copied: &mut Copied) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let target = to.join(entry.file_name());
        if is_hidden(&entry.file_name().to_string_lossy()) {
            continue;
        }
        if kind.is_file() {
            copied.size_bytes += fs::copy(entry.path(), &target)?;
            copied.files += 1;
        } else if kind.is_dir() && depth > 0 {
            fs::create_dir(&target)?;
            copy_folder(&entry.path(), &target, depth - 1, copied)?;
        }
        if copied.files > MAX_SEED_FILES || copied.size_bytes > MAX_SEED_BYTES {
            return Err(io::Error::other(format!(
                "{} holds more than {MAX_SEED_FILES} files or {MAX_SEED_BYTES} bytes",
                from.display()
            )));
        }
    }
    Ok(())
}
