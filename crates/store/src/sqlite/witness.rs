//! Remembers, outside the database, one entry that was acknowledged.
//!
//! SQLite ends its reading of a damaged or shortened write-ahead log at the first frame that does
//! not fit and says nothing: commits that were acknowledged would be gone in silence. So after
//! each group one of its entries is written to a file of its own, not flushed: it can only lag
//! behind what is durable, never be ahead. At start that entry must be there.
//!
//! Invariant: no false alarm after any crash; the loss of an acknowledged group is found as long as
//! the operating system ran on (kill, crash of the process) or had written the witness (power).

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use mainstay_protocol::{Hash, JournalId, Seq};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::sqlite::error::{from_io, from_sqlite};

/// The file's fixed size: within one sector, so that it is never half old and half new.
const WITNESS_BYTES: usize = 256;

/// The acknowledged entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Acknowledged {
    pub(super) journal: JournalId,
    pub(super) seq: Seq,
    pub(super) hash: Hash,
}

#[derive(Debug)]
pub(super) struct Witness {
    file: File,
}

impl Witness {
    /// Opens the witness and demands that the database still has what it saw.
    pub(super) fn open(
        path: &Path,
        connection: &Connection,
        database: &Path,
    ) -> Result<Self, StoreError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|e| from_io(e, "open", path))?;
        let text = std::fs::read_to_string(path).map_err(|e| from_io(e, "read", path))?;
        if let Ok(seen) = serde_json::from_str::<Acknowledged>(&text) {
            demand(&seen, connection, database, path)?;
        } else if !text.is_empty() {
            tracing::warn!(path = %path.display(), "the file that remembers acknowledged entries is unreadable");
        }
        Ok(Self { file })
    }

    /// Remembers an entry whose commit is durable.
    pub(super) fn record(&self, seen: &Acknowledged) {
        let mut text = serde_json::to_string(seen).expect("ids and numbers serialise");
        if text.len() > WITNESS_BYTES {
            return;
        }
        text.extend(std::iter::repeat_n(' ', WITNESS_BYTES - text.len()));
        // The commit is durable whether or not it is witnessed.
        if let Err(error) = self.file.write_all_at(text.as_bytes(), 0) {
            tracing::warn!(%error, "could not remember an acknowledged entry");
        }
    }
}

fn demand(
    seen: &Acknowledged,
    connection: &Connection,
    database: &Path,
    path: &Path,
) -> Result<(), StoreError> {
    let sql =
        "SELECT hash FROM journals JOIN journal ON position = (number << 32) + ?2 WHERE name = ?1";
    let seq = i64::try_from(seen.seq).unwrap_or(i64::MAX);
    let found: Option<[u8; 32]> = connection
        .query_row(sql, params![seen.journal, seq], |row| row.get(0))
        .optional()
        .map_err(|e| from_sqlite(e, "look for the last acknowledged entry", database))?;
    if found == Some(seen.hash.0) {
        return Ok(());
    }
    Err(StoreError::Corrupt {
        what: format!(
            "{} lost acknowledged entries: entry {} of journal {} is not there as it was written; the \
             write-ahead log or the data file was changed from outside (to go on with what is left, \
             remove {})",
            database.display(),
            seen.seq,
            seen.journal,
            path.display()
        ),
        at: Some((seen.journal.clone(), seen.seq)),
    })
}
