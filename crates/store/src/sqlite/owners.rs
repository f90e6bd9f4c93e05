//! Which journals have which blobs, as statements on the writer's connection.
//!
//! Invariant: a blob's row is there as long as a journal has it. Its bytes are in the row when they are
//! few, else in a file ([`super::blobs`]); the name of a file that nobody has any more is kept until the
//! file is removed, so that a crash in between leaves no file behind.

use mainstay_protocol::Hash;
use rusqlite::{Connection, OptionalExtension, params};

use crate::Adoption;
use crate::sqlite::blobs::named;

pub(super) const TABLES: &str = "
CREATE TABLE blobs (number INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, bytes BLOB);
CREATE TABLE blob_owners (
    journal INTEGER NOT NULL,
    blob INTEGER NOT NULL,
    PRIMARY KEY (journal, blob)
) WITHOUT ROWID;
CREATE INDEX blob_owners_blob ON blob_owners (blob);
CREATE TABLE blob_files_unowned (hash BLOB PRIMARY KEY) WITHOUT ROWID;
";

/// Gives a journal a blob: with its bytes, or whose bytes are in a file.
pub(super) fn own(
    connection: &Connection,
    journal: i64,
    hash: &Hash,
    bytes: Option<&[u8]>,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO blobs (hash, bytes) VALUES (?1, ?2) ON CONFLICT (hash) DO NOTHING";
    connection.prepare_cached(sql)?.execute(params![hash.0, bytes])?;
    if bytes.is_none() {
        keep_file(connection, hash)?;
    }
    let sql = "INSERT INTO blob_owners SELECT ?1, number FROM blobs WHERE hash = ?2
        ON CONFLICT DO NOTHING";
    connection.prepare_cached(sql)?.execute(params![journal, hash.0]).map(|_| ())
}

/// A file that was to be removed is wanted again, or is gone.
fn keep_file(connection: &Connection, hash: &Hash) -> rusqlite::Result<()> {
    let sql = "DELETE FROM blob_files_unowned WHERE hash = ?1";
    connection.prepare_cached(sql)?.execute([hash.0]).map(|_| ())
}

/// The first of these blobs that the other journal does not have.
pub(super) fn missing<'a>(
    connection: &Connection,
    adoption: &'a Adoption,
) -> rusqlite::Result<Option<&'a str>> {
    for hash in &adoption.hashes {
        let Some(parsed) = named(hash) else { return Ok(Some(hash)) };
        if !is_owned(connection, &adoption.from, &parsed)? {
            return Ok(Some(hash));
        }
    }
    Ok(None)
}

/// Whether the journal has the blob.
pub(super) fn is_owned(
    connection: &Connection,
    journal: &str,
    hash: &Hash,
) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM blob_owners WHERE
        journal = (SELECT number FROM journals WHERE name = ?1)
        AND blob = (SELECT number FROM blobs WHERE hash = ?2)";
    connection.prepare_cached(sql)?.exists(params![journal, hash.0])
}

/// What is kept of a journal's blob: its bytes, or none when they are in a file.
pub(super) fn find(
    connection: &Connection,
    journal: &str,
    hash: &Hash,
) -> rusqlite::Result<Option<Option<Vec<u8>>>> {
    let sql = "SELECT bytes FROM blobs WHERE hash = ?2 AND EXISTS (SELECT 1 FROM blob_owners WHERE
        journal = (SELECT number FROM journals WHERE name = ?1) AND blob = blobs.number)";
    connection.prepare_cached(sql)?.query_row(params![journal, hash.0], |row| row.get(0)).optional()
}

/// Gives a journal the blobs of another; they were checked to be there.
pub(super) fn adopt(
    connection: &Connection,
    journal: i64,
    adoption: &Adoption,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO blob_owners SELECT ?1, number FROM blobs WHERE hash = ?2
        ON CONFLICT DO NOTHING";
    let mut statement = connection.prepare_cached(sql)?;
    for hash in adoption.hashes.iter().filter_map(|hash| named(hash)) {
        statement.execute(params![journal, hash.0])?;
    }
    Ok(())
}

/// Takes its blobs from a journal, and removes those that no other has.
pub(super) fn disown(connection: &Connection, journal: i64) -> rusqlite::Result<()> {
    const ALONE: &str = "number IN (SELECT blob FROM blob_owners WHERE journal = ?1) AND NOT EXISTS
        (SELECT 1 FROM blob_owners AS other WHERE other.blob = number AND other.journal <> ?1)";
    let sql = format!(
        "INSERT INTO blob_files_unowned SELECT hash FROM blobs WHERE bytes IS NULL AND {ALONE}
        ON CONFLICT DO NOTHING"
    );
    connection.prepare_cached(&sql)?.execute([journal])?;
    let sql = format!("DELETE FROM blobs WHERE {ALONE}");
    connection.prepare_cached(&sql)?.execute([journal])?;
    let sql = "DELETE FROM blob_owners WHERE journal = ?1";
    connection.prepare_cached(sql)?.execute([journal]).map(|_| ())
}

/// Takes these blobs from a journal, and removes those that no other has.
pub(super) fn disown_some(
    connection: &Connection,
    journal: i64,
    hashes: &[String],
) -> rusqlite::Result<()> {
    const UNOWNED: &str =
        "hash = ?1 AND NOT EXISTS (SELECT 1 FROM blob_owners WHERE blob = blobs.number)";
    for hash in hashes.iter().filter_map(|hash| named(hash)) {
        let sql = "DELETE FROM blob_owners WHERE journal = ?1
            AND blob = (SELECT number FROM blobs WHERE hash = ?2)";
        if connection.prepare_cached(sql)?.execute(params![journal, hash.0])? == 0 {
            continue;
        }
        let sql = format!(
            "INSERT INTO blob_files_unowned SELECT hash FROM blobs WHERE bytes IS NULL AND {UNOWNED}
            ON CONFLICT DO NOTHING"
        );
        connection.prepare_cached(&sql)?.execute([hash.0])?;
        let sql = format!("DELETE FROM blobs WHERE {UNOWNED}");
        connection.prepare_cached(&sql)?.execute([hash.0])?;
    }
    Ok(())
}

/// Takes the blobs from journals that never came to have an entry: whoever put them did not come to
/// commit. Visits the journals that have blobs, not all.
pub(super) fn disown_unborn(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "WITH RECURSIVE owner(number) AS (
            SELECT min(journal) FROM blob_owners
            UNION ALL
            SELECT (SELECT min(journal) FROM blob_owners WHERE journal > number) FROM owner
            WHERE number IS NOT NULL
        )
        SELECT number FROM owner WHERE number IS NOT NULL AND NOT EXISTS
            (SELECT 1 FROM journal WHERE position BETWEEN number << 32 AND (number << 32) | 4294967295)";
    let mut statement = connection.prepare(sql)?;
    let unborn: Vec<i64> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    unborn.into_iter().try_for_each(|journal| disown(connection, journal))
}

/// The files that nobody has any more, at most this many.
pub(super) fn unowned_files(
    connection: &Connection,
    limit_count: usize,
) -> rusqlite::Result<Vec<Hash>> {
    let limit_count = i64::try_from(limit_count).unwrap_or(i64::MAX);
    let sql = "SELECT hash FROM blob_files_unowned LIMIT ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_map([limit_count], |row| Ok(Hash(row.get(0)?)))?;
    found.collect()
}

/// These files are removed.
pub(super) fn files_removed(connection: &Connection, hashes: &[Hash]) -> rusqlite::Result<()> {
    hashes.iter().try_for_each(|hash| keep_file(connection, hash))
}
