//! Paths within a workspace.
//!
//! Invariant: a path is relative, names nothing above the workspace, and is short and shallow enough
//! for every host. Names are bytes: a machine's need not be UTF-8.

use std::fmt;

use super::limits::{MAX_DEPTH, MAX_NAME_BYTES, MAX_PATH_BYTES};

/// A path below the workspace: names with `/` between them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreePath(Box<[u8]>);

/// A path that no workspace has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the path {path} {reason}")]
pub struct BadPath {
    /// The path, unprintable bytes escaped.
    pub path: String,
    /// What is wrong with it.
    pub reason: String,
}

impl TreePath {
    /// Reads a path that a machine or a blob named.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadPath> {
        let bad = |reason: String| BadPath { path: shown(bytes), reason };
        if bytes.len() > MAX_PATH_BYTES {
            return Err(bad(format!("is longer than {MAX_PATH_BYTES} bytes")));
        }
        let mut depth = 0;
        for name in bytes.split(|byte| *byte == b'/') {
            depth += 1;
            match name {
                b"" => return Err(bad("has an empty name".to_owned())),
                b"." | b".." => return Err(bad("leads elsewhere".to_owned())),
                _ if name.contains(&0) => return Err(bad("holds a NUL".to_owned())),
                _ if name.len() > MAX_NAME_BYTES => {
                    return Err(bad(format!("has a name longer than {MAX_NAME_BYTES} bytes")));
                }
                _ => {}
            }
        }
        if depth > MAX_DEPTH {
            return Err(bad(format!("is deeper than {MAX_DEPTH} folders")));
        }
        Ok(Self(bytes.into()))
    }

    /// The path as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The folder that it is in; none for the workspace itself.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let end = self.0.iter().rposition(|byte| *byte == b'/')?;
        Some(Self(self.0[..end].into()))
    }

    /// How many names it has.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.0.iter().filter(|byte| **byte == b'/').count() + 1
    }

    /// The bounds of the paths below it, the second excluded.
    pub(super) fn below(&self) -> (Self, Self) {
        let with = |last: u8| Self([&*self.0, &[last]].concat().into());
        (with(b'/'), with(b'/' + 1))
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.0))
    }
}

impl fmt::Debug for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", shown(&self.0))
    }
}

/// For messages: cut, and nothing that a terminal would act upon.
fn shown(bytes: &[u8]) -> String {
    const SHOWN_BYTES: usize = 200;
    let cut = &bytes[..bytes.len().min(SHOWN_BYTES)];
    let dots = if cut.len() < bytes.len() { "…" } else { "" };
    format!("{}{dots}", cut.escape_ascii())
}
