//! When a session's fold is saved, so that whoever takes it up need not read its whole journal.
//!
//! Invariant: what snapshots add to what entries take on the disk is at most one part in
//! [`ENTRIES_PER_SNAPSHOT`], however long the session is. A snapshot is written in the commit that
//! lets the session rest, never by itself.

use std::sync::Arc;

use mainstay_core::session::{SessionState, snapshot};
use mainstay_store::Snapshot;

/// How many bytes of entries there must be behind the last snapshot for each of its own.
const ENTRIES_PER_SNAPSHOT: u64 = 16;

/// How much of a session's journal stands behind its last snapshot.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Saving {
    saved_bytes: u64,
    unsaved_bytes: u64,
}

impl Saving {
    /// Of a session that was read from this snapshot.
    pub(crate) fn since(snapshot: Option<&Snapshot>) -> Self {
        Self { saved_bytes: snapshot.map_or(0, size_bytes), unsaved_bytes: 0 }
    }

    /// Takes account of entries.
    pub(crate) fn appended(&mut self, bytes: u64) {
        self.unsaved_bytes += bytes;
    }

    /// Takes account of a snapshot that is on the disk.
    pub(crate) fn saved(&mut self, snapshot: &Snapshot) {
        *self = Self::since(Some(snapshot));
    }

    /// The state as a snapshot, when it rests and enough stands behind the last one.
    pub(crate) fn due(self, state: &SessionState, least_bytes: u64) -> Option<Snapshot> {
        let wanted = least_bytes.max(self.saved_bytes.saturating_mul(ENTRIES_PER_SNAPSHOT));
        if self.unsaved_bytes < wanted {
            return None;
        }
        let bytes = snapshot::encode(state)?;
        Some(Snapshot { seq: state.seq, version: snapshot::VERSION, bytes: Arc::from(bytes) })
    }
}

fn size_bytes(snapshot: &Snapshot) -> u64 {
    snapshot.bytes.len() as u64
}
