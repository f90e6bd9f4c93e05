//! What a save has to do: the difference between a scan and what is known.

use std::collections::BTreeMap;
use std::ops::Bound;

use mainstay_core::port::FileKind;

use super::error::WorkspaceError;
use super::format::Entry;
use super::known::{Known, KnownTree, Seen};
use super::limits::{CLOCK_TICK_NS, MAX_ENTRIES, MAX_FILE_BYTES, MAX_LINK_BYTES};
use super::path::TreePath;
use super::tree::{Found, Scan};

/// The permission bits that are kept: a file that runs as somebody else has no place in a workspace.
const MODE_BITS: u32 = 0o777;
/// What a folder gets that a scan did not name.
const IMPLIED_MODE: u32 = 0o755;

/// What is different.
#[derive(Debug, Default)]
pub(super) struct Plan<'a> {
    /// What is clear without reading: none is gone.
    pub(super) changes: BTreeMap<TreePath, Option<Entry>>,
    /// Files that must be read, in the order of their paths.
    pub(super) reads: BTreeMap<&'a TreePath, &'a Found>,
    /// Files that are as they were, and when that was seen.
    pub(super) seen: Vec<(TreePath, Seen)>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(known: &KnownTree, scan: &'a Scan) -> Result<Self, WorkspaceError> {
        if scan.changed.len() > MAX_ENTRIES {
            return Err(WorkspaceError::LimitReached(format!(
                "the workspace has {} files, folders and links, more than {MAX_ENTRIES}",
                scan.changed.len()
            )));
        }
        let found: BTreeMap<_, _> = scan.changed.iter().map(|found| (&found.path, found)).collect();
        let mut plan = Self::default();
        if scan.is_full {
            let gone = known.entries.keys().filter(|path| !found.contains_key(path));
            plan.changes.extend(gone.map(|path| (path.clone(), None)));
        }
        for path in &scan.removed {
            plan.remove(known, path);
            plan.remove_below(known, path);
        }
        let newest_ns = newest_ns(scan);
        for (path, found) in found {
            let is_kept = scan.is_full
                && known.entries.get(path).is_some_and(|before| is_unchanged(before, found));
            if is_kept {
                plan.seen.push((path.clone(), seen_now(found, newest_ns)));
            } else {
                plan.look_at(known, path, found)?;
            }
        }
        plan.imply_folders(known)?;
        Ok(plan)
    }

    fn look_at(
        &mut self,
        known: &KnownTree,
        path: &'a TreePath,
        found: &'a Found,
    ) -> Result<(), WorkspaceError> {
        let before = known.entries.get(path);
        let is_same = |entry: &Entry| before.is_some_and(|before| before.entry == *entry);
        if found.kind != FileKind::Folder
            && before.is_some_and(|before| matches!(before.entry, Entry::Folder { .. }))
        {
            self.remove_below(known, path);
        }
        let entry = match found.kind {
            FileKind::Folder => Entry::Folder { mode: found.mode & MODE_BITS },
            FileKind::Link => Entry::Link { target: target_of(found)? },
            FileKind::Other => {
                self.remove(known, path);
                return Ok(());
            }
            FileKind::File if found.size_bytes > MAX_FILE_BYTES => {
                return Err(too_large(path));
            }
            FileKind::File => {
                // Whatever was removed above it is there again.
                self.changes.remove(path);
                self.reads.insert(path, found);
                return Ok(());
            }
        };
        if is_same(&entry) {
            self.changes.remove(path);
        } else {
            self.changes.insert(path.clone(), Some(entry));
        }
        Ok(())
    }

    fn remove(&mut self, known: &KnownTree, path: &TreePath) {
        if known.entries.contains_key(path) {
            self.changes.insert(path.clone(), None);
        }
    }

    fn remove_below(&mut self, known: &KnownTree, path: &TreePath) {
        let (start, end) = path.below();
        let below = known.entries.range((Bound::Excluded(start), Bound::Excluded(end)));
        self.changes.extend(below.map(|(path, _)| (path.clone(), None)));
    }

    /// Every path lies in folders: those that a scan leaves out are added.
    fn imply_folders(&mut self, known: &KnownTree) -> Result<(), WorkspaceError> {
        let there = self.changes.iter().filter(|(_, entry)| entry.is_some());
        let paths: Vec<_> = there.map(|(path, _)| path).chain(self.reads.keys().copied()).collect();
        let mut parents: Vec<TreePath> = paths.into_iter().filter_map(TreePath::parent).collect();
        parents.dedup();
        while let Some(path) = parents.pop() {
            let is_read = self.reads.contains_key(&path);
            let now = match self.changes.get(&path) {
                Some(change) => change.as_ref(),
                None => known.entries.get(&path).map(|known| &known.entry),
            };
            match now {
                Some(Entry::Folder { .. }) if !is_read => {}
                None if !is_read => {
                    parents.extend(path.parent());
                    self.changes.insert(path, Some(Entry::Folder { mode: IMPLIED_MODE }));
                }
                _ => {
                    let contradiction =
                        format!("the scan found files in {path}, which is no folder");
                    return Err(WorkspaceError::Damaged(contradiction));
                }
            }
        }
        Ok(())
    }
}

/// When a file that was just read was seen to change last.
pub(super) fn seen_now(found: &Found, newest_ns: u64) -> Seen {
    match found.changed_ns {
        0 => Seen::Unknown,
        at if at.saturating_add(CLOCK_TICK_NS) >= newest_ns => Seen::Unsettled,
        at => Seen::At(at),
    }
}

/// The newest change that a scan saw: its clock is not behind it.
pub(super) fn newest_ns(scan: &Scan) -> u64 {
    scan.changed.iter().map(|found| found.changed_ns).max().unwrap_or_default()
}

fn is_unchanged(before: &Known, found: &Found) -> bool {
    let Entry::File { mode, modified_ns, .. } = &before.entry else {
        return false;
    };
    let is_seen = match before.seen {
        Seen::Unknown => true,
        Seen::Unsettled => false,
        Seen::At(at) => found.changed_ns == 0 || found.changed_ns == at,
    };
    is_seen
        && found.kind == FileKind::File
        && *mode == found.mode & MODE_BITS
        && *modified_ns == found.modified_ns
        && before.entry.size_bytes() == found.size_bytes
}

fn target_of(found: &Found) -> Result<Box<[u8]>, WorkspaceError> {
    match &found.target {
        Some(target)
            if !target.is_empty() && target.len() <= MAX_LINK_BYTES && !target.contains(&0) =>
        {
            Ok(target.clone())
        }
        _ => Err(WorkspaceError::LimitReached(format!(
            "the target of the link {} is empty, or longer than {MAX_LINK_BYTES} bytes",
            found.path
        ))),
    }
}

/// The permission bits of a file that are kept.
pub(super) fn kept_mode(found: &Found) -> u32 {
    found.mode & MODE_BITS
}

pub(super) fn too_large(path: &TreePath) -> WorkspaceError {
    WorkspaceError::LimitReached(format!(
        "the file {path} of the workspace is larger than {MAX_FILE_BYTES} bytes"
    ))
}
