//! `list_files`: the entries of a folder, as paths that the other tools take.

use std::io;

use cap_std::fs::Dir;
use mainstay_core::port::ToolOutput;
use serde::Deserialize;

use super::call::{FileError, root};
use super::path::{InnerPath, is_hidden};
use crate::tool::output::bounded;

/// The most entries that one call lists.
const MAX_LIST_ENTRIES: usize = 1_000;
/// The most entries of one folder that are looked at.
const MAX_FOLDER_ENTRIES: usize = 50_000;
/// The most folders that one call enters.
pub(super) const MAX_FOLDERS: usize = 1_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    #[serde(default = "root")]
    path: String,
    #[serde(default)]
    recursive: bool,
}

pub(super) fn list(dir: &Dir, arguments: &Arguments) -> Result<ToolOutput, FileError> {
    let path = InnerPath::parse(&arguments.path).map_err(FileError::Model)?;
    let attempt = format!("list {:?}", path.display());
    let mut lines = Vec::new();
    let mut waiting = vec![path];
    let mut folders = 0;
    let mut is_cut = false;
    while let Some(folder) = waiting.pop() {
        let mut entries = read_folder(dir, &folder).map_err(|e| FileError::io(&attempt, &e))?;
        folders += 1;
        is_cut |= lines.len() + entries.len() > MAX_LIST_ENTRIES;
        entries.truncate(MAX_LIST_ENTRIES - lines.len());
        lines.extend(entries.iter().map(Entry::line));
        if arguments.recursive && !is_cut && folders < MAX_FOLDERS {
            waiting.extend(entries.into_iter().filter(|entry| entry.is_folder).map(|e| e.path));
        }
    }
    lines.sort();
    if is_cut {
        lines.push(format!("[cut: more than {MAX_LIST_ENTRIES} entries]"));
    }
    if lines.is_empty() {
        lines.push("(empty)".to_owned());
    }
    Ok(bounded(lines.join("\n")))
}

/// One entry of a folder.
pub(super) struct Entry {
    pub(super) path: InnerPath,
    pub(super) is_folder: bool,
}

impl Entry {
    fn line(&self) -> String {
        let slash = if self.is_folder { "/" } else { "" };
        format!("{}{slash}", self.path.display())
    }
}

/// The entries of a folder, sorted. Links are shown and never entered, so that no walk goes round
/// in circles.
pub(super) fn read_folder(dir: &Dir, folder: &InnerPath) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in dir.read_dir(folder.as_path())?.take(MAX_FOLDER_ENTRIES) {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_hidden(&name) {
            continue;
        }
        let path = folder.join(&name);
        entries.push(Entry { path, is_folder: entry.file_type()?.is_dir() });
    }
    entries.sort_by_key(|entry| entry.path.display());
    Ok(entries)
}
