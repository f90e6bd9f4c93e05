//! What a scan remembers of a file: enough to see that it changed.

use mainstay_guest::{FileKind, FileStat};
use rustix::fs::Stat;

use crate::agent::files::stat_of;

/// One entry of a folder; those of a folder are in the order of their names.
pub(super) struct Node {
    pub(super) name: Box<str>,
    pub(super) seen: Seen,
    /// Of a folder.
    pub(super) children: Vec<Self>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) kind: FileKind,
    pub(super) inode: u64,
    mode: u32,
    size_bytes: u64,
    modified_ns: i128,
    changed_ns: i128,
    /// It was changed so shortly before that it may be changed again without a trace.
    is_doubtful: bool,
}

impl Seen {
    pub(super) fn new(stat: &Stat, doubtful_from_ns: i128) -> (Self, FileStat) {
        let told = stat_of(stat);
        let ns = |seconds: i64, rest: u64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        let changed_ns = ns(stat.st_ctime, stat.st_ctime_nsec);
        let seen = Self {
            kind: told.kind,
            mode: told.mode,
            inode: stat.st_ino,
            size_bytes: told.size_bytes,
            modified_ns: ns(stat.st_mtime, stat.st_mtime_nsec),
            changed_ns,
            is_doubtful: changed_ns >= doubtful_from_ns,
        };
        (seen, told)
    }

    /// Whether what was seen now may differ from what was seen before.
    pub(super) fn differs(&self, before: &Self) -> bool {
        if self.kind == FileKind::Folder && before.kind == FileKind::Folder {
            // What is in it has entries of its own.
            return self.mode != before.mode;
        }
        let same = Self { is_doubtful: before.is_doubtful, ..*self };
        before.is_doubtful || same != *before
    }

    /// Whether it was surely not touched since, if it changed last at this time. A folder that was not has
    /// the names that it had.
    pub(super) fn is_untouched(&self, changed_ns: Option<i128>) -> bool {
        !self.is_doubtful && self.has_changed_at(changed_ns)
    }

    /// Whether it changed last at this time.
    pub(super) fn has_changed_at(&self, changed_ns: Option<i128>) -> bool {
        changed_ns == Some(self.changed_ns)
    }

    /// The same of another look at it.
    pub(super) fn is_untouched_since(&self, before: &Self) -> bool {
        self.inode == before.inode && before.is_untouched(Some(self.changed_ns))
    }
}
