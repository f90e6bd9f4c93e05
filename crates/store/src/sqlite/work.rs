//! What the writer is handed.
//!
//! Invariant: all of it goes through one queue and shares the flushes of groups.

use mainstay_protocol::{Hash, JournalId, RowChange};

use crate::Commit;

/// One of the writes of a group.
#[derive(Debug)]
pub(super) enum Write {
    /// A commit.
    Commit(Commit),
    /// A blob becomes a journal's.
    Blob {
        /// The journal.
        journal: JournalId,
        /// Its hash.
        hash: Hash,
        /// Its bytes; none when they are in a file already.
        bytes: Option<Vec<u8>>,
    },
    /// Files of blobs that nobody has any more were removed.
    FilesRemoved(Vec<Hash>),
}

impl Write {
    /// The commit, if it is one.
    pub(super) fn commit(&self) -> Option<&Commit> {
        match self {
            Self::Commit(commit) => Some(commit),
            Self::Blob { .. } | Self::FilesRemoved(_) => None,
        }
    }

    /// The journal whose head it may change.
    pub(super) fn journal(&self) -> Option<&JournalId> {
        match self {
            Self::Commit(commit) => Some(&commit.journal),
            Self::Blob { journal, .. } => Some(journal),
            Self::FilesRemoved(_) => None,
        }
    }

    /// What it holds, for the bound on a group.
    pub(super) fn size_bytes(&self) -> usize {
        match self {
            Self::Commit(commit) => commit_bytes(commit),
            Self::Blob { bytes, .. } => bytes.as_ref().map_or(0, Vec::len),
            Self::FilesRemoved(hashes) => size_of_val(hashes.as_slice()),
        }
    }
}

fn commit_bytes(commit: &Commit) -> usize {
    use RowChange as C;
    let entries: usize = commit.entries.iter().map(|entry| entry.payload.get().len()).sum();
    let rows: usize = commit
        .rows
        .iter()
        .map(|change| match change {
            C::Put(row) | C::Insert(row) => row.doc.get().len(),
            C::Delete(_) => 0,
        })
        .sum();
    let adopted: usize =
        commit.adopts.iter().flat_map(|adoption| &adoption.hashes).map(String::len).sum();
    let freed: usize = commit.frees.iter().map(String::len).sum();
    entries
        + rows
        + adopted
        + freed
        + commit.snapshot.as_ref().map_or(0, |snapshot| snapshot.bytes.len())
}
