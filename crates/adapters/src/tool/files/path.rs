//! Paths as models write them, relative to the workspace.

use std::path::{Component, Path, PathBuf};

/// The longest path, in bytes.
const MAX_PATH_BYTES: usize = 1_024;
/// The deepest path, in folders.
const MAX_PATH_DEPTH: usize = 32;
/// What unfinished files are called; they are not shown and cannot be named.
pub(super) const TEMPORARY_PREFIX: &str = ".mainstay-";

/// A path inside the workspace, without `.`, `..` or a root; `.` alone is the workspace itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InnerPath(PathBuf);

impl InnerPath {
    /// Reads a path; the error is for the model.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_PATH_BYTES {
            return Err(format!("the path is longer than {MAX_PATH_BYTES} bytes"));
        }
        let outside = || format!("{text:?} leads out of the workspace; use a relative path");
        let mut inner = PathBuf::new();
        for component in Path::new(text).components() {
            match component {
                Component::CurDir => {}
                Component::Normal(name) if is_hidden(&name.to_string_lossy()) => {
                    return Err(format!("{text:?} is reserved"));
                }
                Component::Normal(name) => inner.push(name),
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                    return Err(outside());
                }
            }
        }
        if inner.components().count() > MAX_PATH_DEPTH {
            return Err(format!("{text:?} is deeper than {MAX_PATH_DEPTH} folders"));
        }
        if text.contains('\0') {
            return Err(format!("{text:?} is not a path"));
        }
        Ok(Self(inner))
    }

    /// The path for opening; `.` for the workspace itself.
    pub(super) fn as_path(&self) -> &Path {
        if self.is_root() { Path::new(".") } else { &self.0 }
    }

    /// As it is shown to the model.
    pub(super) fn display(&self) -> String {
        self.as_path().to_string_lossy().into_owned()
    }

    pub(super) fn is_root(&self) -> bool {
        self.0.as_os_str().is_empty()
    }

    /// The folder and the name in it; none for the workspace itself.
    pub(super) fn split(&self) -> Option<(Self, &Path)> {
        let name = Path::new(self.0.file_name()?);
        Some((Self(self.0.parent().map(Path::to_path_buf).unwrap_or_default()), name))
    }

    /// A path below this one.
    pub(super) fn join(&self, name: &str) -> Self {
        Self(self.0.join(name))
    }
}

/// Whether a name belongs to an unfinished file.
pub(super) fn is_hidden(name: &str) -> bool {
    name.starts_with(TEMPORARY_PREFIX)
}

#[cfg(test)]
#[path = "path_tests.rs"]
mod tests;
