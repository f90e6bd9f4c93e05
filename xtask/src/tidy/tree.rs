//! The files of the checkout, in memory.
//!
//! Invariant: rules see nothing else, so that a test can give them any tree.
//! Deliberately absent: files that git ignores.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;

pub(super) struct Tree {
    /// Where the checkout is; rules use it only to find its mention.
    pub(super) root: String,
    files: BTreeMap<String, Vec<u8>>,
}

impl Tree {
    /// Reads what is or could be committed.
    pub(super) fn load(root: &Path) -> Result<Self> {
        let mut list = Command::new("git");
        list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root);
        let listed = process::capture(&mut list)?;
        let mut files = BTreeMap::new();
        for path in listed.split_terminator('\0') {
            let full = root.join(path);
            // A file that was deleted but not yet committed is still listed.
            if full.is_file() {
                let bytes = fs::read(&full).with_context(|| format!("reading {path}"))?;
                files.insert(path.to_owned(), bytes);
            }
        }
        Ok(Self { root: root.display().to_string(), files })
    }

    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
        Self { root: "/somewhere/mainstay".to_owned(), files: files.collect() }
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }

    /// The files that are text and end so.
    pub(super) fn texts<'a>(
        &'a self,
        endings: &'a [&str],
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let chosen =
            self.files().filter(|(path, _)| endings.iter().any(|ending| path.ends_with(ending)));
        chosen.filter_map(|(path, bytes)| Some((path, std::str::from_utf8(bytes).ok()?)))
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        std::str::from_utf8(self.files.get(path)?).ok()
    }

    /// Whether there is such a file, or a folder with such files.
    pub(super) fn has(&self, path: &str) -> bool {
        let inside = format!("{path}/");
        self.files.contains_key(path)
            || self
                .files
                .range(inside.clone()..)
                .next()
                .is_some_and(|(first, _)| first.starts_with(&inside))
    }
}
