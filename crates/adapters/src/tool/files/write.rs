//! `write_file`: the whole content of a file, replaced at once.
//!
//! Invariant: the content is on disk before the new name is, and the name before the answer; an
//! attempt that is repeated under the same effect leaves the same file.

use std::io::{self, Write};
use std::path::Path;

use cap_std::fs::{Dir, OpenOptions};
use mainstay_core::port::ToolOutput;
use mainstay_protocol::EffectId;
use serde::Deserialize;

use super::call::FileError;
use super::path::{InnerPath, TEMPORARY_PREFIX};
use super::workspace::sync_dir;

/// The largest file that one call writes, in bytes.
pub(super) const MAX_WRITE_BYTES: usize = 1_048_576;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    path: String,
    content: String,
}

pub(super) fn write(
    dir: &Dir,
    arguments: &Arguments,
    effect: &EffectId,
    attempt: u32,
) -> Result<ToolOutput, FileError> {
    let path = InnerPath::parse(&arguments.path).map_err(FileError::Model)?;
    write_text(dir, &path, &arguments.content, effect, attempt)?;
    let size_bytes = arguments.content.len();
    Ok(ToolOutput::text(format!("wrote {size_bytes} bytes to {}", path.display())))
}

/// Replaces a file's content.
pub(super) fn write_text(
    dir: &Dir,
    path: &InnerPath,
    content: &str,
    effect: &EffectId,
    attempt: u32,
) -> Result<(), FileError> {
    let size_bytes = content.len();
    if size_bytes > MAX_WRITE_BYTES {
        let text = format!("the content has {size_bytes} bytes, more than {MAX_WRITE_BYTES}");
        return Err(FileError::Model(text));
    }
    let Some((parent, name)) = path.split() else {
        return Err(FileError::Model("the path names no file".to_owned()));
    };
    let failed = |error| FileError::io(&format!("write {:?}", path.display()), &error);
    make_folders(dir, &parent).map_err(failed)?;
    let parent = dir.open_dir(parent.as_path()).map_err(failed)?;
    remove_earlier_attempts(&parent, effect, attempt);
    let unfinished = temporary_name(effect, attempt);
    let written = replace(&parent, name, Path::new(&unfinished), content.as_bytes());
    if written.is_err() {
        // Best effort: an unfinished file is never shown.
        let _ = parent.remove_file(&unfinished);
    }
    written.map_err(failed)
}

fn temporary_name(effect: &EffectId, attempt: u32) -> String {
    format!("{TEMPORARY_PREFIX}{effect}-{attempt}")
}

/// A killed server leaves what it was writing; who repeats the effect knows its name.
fn remove_earlier_attempts(parent: &Dir, effect: &EffectId, attempt: u32) {
    for earlier in 1..attempt {
        let _ = parent.remove_file(temporary_name(effect, earlier));
    }
}

fn replace(parent: &Dir, name: &Path, unfinished: &Path, content: &[u8]) -> io::Result<()> {
    let existing = parent.symlink_metadata(name).ok();
    if existing.as_ref().is_some_and(|metadata| metadata.is_dir()) {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
    }
    let mut options = OpenOptions::new();
    let mut file = parent.open_with(unfinished, options.write(true).create_new(true))?;
    file.write_all(content)?;
    if let Some(metadata) = existing.filter(|metadata| metadata.is_file()) {
        file.set_permissions(metadata.permissions())?;
    }
    file.sync_all()?;
    // Takes the place of whatever has the name: a link's target and a file's other names keep
    // their content.
    parent.rename(unfinished, parent, name)?;
    sync_dir(parent, Path::new("."))
}

/// Makes the folders of a path, each on disk before what is in it.
fn make_folders(dir: &Dir, folder: &InnerPath) -> io::Result<()> {
    if folder.is_root() || dir.is_dir(folder.as_path()) {
        return Ok(());
    }
    if let Some((parent, _)) = folder.split() {
        make_folders(dir, &parent)?;
        match dir.create_dir(folder.as_path()) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => sync_dir(dir, parent.as_path())?,
        }
    }
    Ok(())
}
