//! The tables that every data file has, and how a connection to it is set up.
//!
//! Invariant: an entry's place is `position`, its journal's number in the upper 32 bits and its
//! `seq` in the lower: a journal is one run of neighbours in one tree, and appending touches its
//! last page alone. An entry's `prev_hash` is its neighbour's `hash` and not stored twice.

use std::ffi::CStr;
use std::path::Path;
use std::time::Duration;

use mainstay_protocol::Seq;
use rusqlite::config::DbConfig;
use rusqlite::types::{FromSql, ToSql};
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};

use crate::StoreError;
use crate::check::invalid;
use crate::sqlite::error::from_sqlite;
use crate::sqlite::{frames, owners};

/// Version of the tables below. A released one is never edited: add a step to `upgrade`.
const SCHEMA_VERSION: u32 = 2;

/// Marks the file as Mainstay's in SQLite's header ("Mnst").
const APPLICATION_ID: i32 = 0x4d6e_7374;

/// The smallest pages that SQLite has, because a commit writes whole pages and changes little on
/// each: half of what a commit writes with 1 KiB, a quarter of what it writes with 4 KiB, at the
/// same time on the processor.
pub(super) const PAGE_SIZE_BYTES: u32 = 512;

/// How long to wait for an outside tool that holds SQLite's own locks.
const BUSY_TIMEOUT_MS: u64 = 2_000;

/// How much of the file the writer keeps in memory. More costs time: pages that changed places while a
/// tree was balanced make SQLite look through all that it keeps at the end of the transaction.
const WRITER_CACHE_KIB: i32 = 1 << 10;

/// How much of the file each reader keeps in memory: little, as each commit makes it stale.
const READER_CACHE_KIB: i32 = 256;

/// More statements than the writer or a reader uses.
const STATEMENT_LIMIT_COUNT: usize = 512;

const SEQ_BITS: u32 = 32;

/// The place of an entry. `seq` was checked against the limit of a journal's entries.
pub(super) fn position(number: i64, seq: Seq) -> i64 {
    let seq = i64::try_from(seq).expect("positions in a journal fit 32 bits");
    (number << SEQ_BITS) | seq
}

/// The largest place that an entry of this journal can have.
pub(super) fn last_position(number: i64) -> i64 {
    (number << SEQ_BITS) | i64::from(u32::MAX)
}

/// The kind of the row that stands where entries were erased: the place and hash of the last of them,
/// which the next entry names, and nothing else. No entry has it.
pub(super) const ERASED_KIND: &str = "";

/// The `seq` of a place.
pub(super) fn seq_of(position: i64) -> Seq {
    Seq::from(u32::try_from(position & i64::from(u32::MAX)).expect("masked to 32 bits"))
}

const TABLES: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE journals (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE journal (
    position INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    principal TEXT NOT NULL,
    trace TEXT NOT NULL,
    hash BLOB NOT NULL,
    payload TEXT NOT NULL
);
CREATE TABLE snapshots (
    number INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL,
    version INTEGER NOT NULL,
    bytes BLOB NOT NULL
);
CREATE TABLE tasks (
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    due_at_ms INTEGER NOT NULL,
    PRIMARY KEY (kind, subject)
) WITHOUT ROWID;
CREATE INDEX tasks_due ON tasks (kind, due_at_ms DESC, subject);
CREATE VIEW entries AS
SELECT journals.name AS journal, position & 4294967295 AS seq, kind, version, at, principal, trace,
    lower(hex(hash)) AS hash, payload
FROM journal JOIN journals ON journals.number = position >> 32;
";

/// Opens the connection that writes, bringing the tables up to date. Answers it with the number
/// of this start, which is greater than that of every start before.
pub(super) fn open_writer(
    file: &Path,
    page_limit_count: Option<u64>,
) -> Result<(Connection, u64), StoreError> {
    let mut connection = open(
        file,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        writer_vfs(),
    )?;
    set_up_writer(&connection, page_limit_count)
        .map_err(|e| from_sqlite(e, "set the data file up", file))?;
    let version =
        schema_version(&connection).map_err(|e| from_sqlite(e, "read the schema version", file))?;
    if version > SCHEMA_VERSION {
        return Err(invalid(format!(
            "{} has schema version {version}, this binary knows {SCHEMA_VERSION}: use a newer one",
            file.display()
        )));
    }
    let start =
        upgrade(&mut connection, version).map_err(|e| from_sqlite(e, "create the tables", file))?;
    Ok((connection, start))
}

/// Opens a connection that reads.
pub(super) fn open_reader(file: &Path) -> Result<Connection, StoreError> {
    let connection = open(file, OpenFlags::SQLITE_OPEN_READ_ONLY, None)?;
    connection
        .pragma_update(None, "cache_size", -READER_CACHE_KIB)
        .map_err(|e| from_sqlite(e, "set a reader up", file))?;
    Ok(connection)
}

/// Without the layer a commit is only slower.
fn writer_vfs() -> Option<&'static CStr> {
    let is_there = frames::register();
    if !is_there {
        tracing::warn!("SQLite refused the layer that gathers what a commit writes");
    }
    is_there.then_some(frames::VFS)
}

fn open(file: &Path, flags: OpenFlags, vfs: Option<&CStr>) -> Result<Connection, StoreError> {
    // Each connection is used by one thread at a time: SQLite need not lock it again.
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = match vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(file, flags, vfs),
        None => Connection::open_with_flags(file, flags),
    };
    let connection = opened.map_err(|e| from_sqlite(e, "open the data file", file))?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_LIMIT_COUNT);
    connection
        .busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))
        .and_then(|()| connection.pragma_update(None, "cell_size_check", true))
        .and_then(|()| connection.pragma_update(None, "trusted_schema", false))
        .and_then(|()| connection.pragma_update(None, "temp_store", "memory"))
        // Plans that depend on the values bound would be made anew for each of them.
        .and_then(|()| connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true))
        .map(drop)
        .map_err(|e| from_sqlite(e, "open the data file", file))?;
    Ok(connection)
}

fn set_up_writer(connection: &Connection, page_limit_count: Option<u64>) -> rusqlite::Result<()> {
    connection.pragma_update(None, "page_size", PAGE_SIZE_BYTES)?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update_and_check(None, "journal_size_limit", -1, |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    if let Some(limit) = page_limit_count {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        connection.pragma_update_and_check(None, "max_page_count", limit, |_| Ok(()))?;
    }
    Ok(())
}

fn schema_version(connection: &Connection) -> rusqlite::Result<u32> {
    let has_meta = connection
        .query_row("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'meta'", [], |_| {
            Ok(())
        })
        .optional()?;
    match has_meta {
        Some(()) => Ok(meta(connection, "schema_version")?.unwrap_or(0)),
        None => Ok(0),
    }
}

fn upgrade(connection: &mut Connection, version: u32) -> rusqlite::Result<u64> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if version < 1 {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    if version < 2 {
        transaction.execute_batch(owners::TABLES)?;
    }
    owners::disown_unborn(&transaction)?;
    if version < SCHEMA_VERSION {
        put_meta(&transaction, "schema_version", SCHEMA_VERSION)?;
    }
    let start = meta(&transaction, "start_count")?.unwrap_or(0_u64) + 1;
    put_meta(&transaction, "start_count", start)?;
    transaction.commit()?;
    Ok(start)
}

/// A value of the table `meta`.
pub(super) fn meta<T: FromSql>(connection: &Connection, name: &str) -> rusqlite::Result<Option<T>> {
    connection
        .query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0))
        .optional()
}

/// Sets a value of the table `meta`.
pub(super) fn put_meta(
    connection: &Connection,
    name: &str,
    value: impl ToSql,
) -> rusqlite::Result<()> {
    let sql =
        "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    connection.execute(sql, params![name, value]).map(|_| ())
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
