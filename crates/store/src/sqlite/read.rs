//! The reads, as functions of a connection.
//!
//! Invariant: an entry leaves here only if its hash fits its content and its predecessor; what
//! does not fit is `Corrupt`, with its position.

use std::path::Path;
use std::sync::Arc;

use mainstay_protocol::{ChainError, Entry, Hash, JournalId, Row, RowKey, Seq, TaskKey};
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use serde_json::value::RawValue;

use crate::check::{self, Specs};
use crate::sqlite::error::from_sqlite;
use crate::sqlite::owners;
use crate::sqlite::schema::{ERASED_KIND, seq_of};
use crate::sqlite::sql::{self, RowSql};
use crate::{Direction, EntryRange, RowPage, RowScan, Snapshot, StoreError};

/// A slice of a journal. The entry before the first one is read too, as a link to it.
pub(super) fn entries(
    connection: &Connection,
    database: &Path,
    journal: &JournalId,
    range: &EntryRange,
) -> Result<Vec<Entry>, StoreError> {
    if range.limit_count == 0 {
        return Ok(Vec::new());
    }
    let (low, high, word) = match range.direction {
        Direction::Ascending => (range.after, check::MAX_ENTRIES_PER_JOURNAL, "ASC"),
        Direction::Descending => (1, range.after.saturating_sub(1), "DESC"),
    };
    let text = format!(
        "SELECT position, kind, version, at, principal, trace, hash, payload
        FROM journals JOIN journal ON position BETWEEN (number << 32) + ?2 AND (number << 32) + ?3
        WHERE name = ?1 ORDER BY position {word} LIMIT ?4"
    );
    // One more as a link, unless the first entry of all is the first asked for.
    let link_count = i64::from(range.direction == Direction::Descending || range.after > 0);
    let limit = i64::try_from(range.limit_count).unwrap_or(i64::MAX).saturating_add(link_count);
    let bound = |seq: Seq| seq.min(check::MAX_ENTRIES_PER_JOURNAL);
    let mut found: Vec<Entry> = Vec::new();
    let mut unreadable = None;
    let mut load = || {
        let mut statement = connection.prepare_cached(&text)?;
        let mut rows = statement.query(params![journal, bound(low), bound(high), limit])?;
        while let Some(row) = rows.next()? {
            unreadable = Some((journal.clone(), seq_of(row.get(0)?)));
            found.push(entry(row, journal, found.last())?);
            unreadable = None;
        }
        Ok::<_, rusqlite::Error>(())
    };
    load().map_err(|e| match from_sqlite(e, &format!("read journal {journal}"), database) {
        StoreError::Corrupt { what, at: None } => StoreError::Corrupt { what, at: unreadable },
        error => error,
    })?;
    // Where entries were erased, the first one there is comes behind their mark.
    if let (0, Some(mark)) = (link_count, found.first().filter(|entry| is_erased_mark(entry))) {
        let behind = EntryRange { after: mark.seq, ..range.clone() };
        return entries(connection, database, journal, &behind);
    }
    link(found, range).map_err(|e| chain_broken(&e))
}

fn entry(
    row: &rusqlite::Row<'_>,
    journal: &JournalId,
    last: Option<&Entry>,
) -> rusqlite::Result<Entry> {
    // Neighbours mostly share these texts; so do their copies in memory.
    let shared = |column: usize, last: Option<&Arc<str>>| {
        let text = row.get_ref(column)?.as_str()?;
        Ok::<_, rusqlite::Error>(match last {
            Some(last) if **last == *text => last.clone(),
            Some(_) | None => text.into(),
        })
    };
    Ok(Entry {
        journal: journal.clone(),
        seq: seq_of(row.get(0)?),
        kind: shared(1, last.map(|l| &l.kind))?,
        version: row.get(2)?,
        at: row.get(3)?,
        principal: shared(4, last.map(|l| &l.principal))?,
        trace: shared(5, last.map(|l| &l.trace))?,
        prev_hash: Hash::ZERO,
        hash: Hash(row.get(6)?),
        payload: json(row, 7)?,
    })
}

fn json(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Box<RawValue>> {
    RawValue::from_string(row.get(column)?).map_err(|e| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(e))
    })
}

/// Whether this is what is left of entries that were erased.
fn is_erased_mark(entry: &Entry) -> bool {
    entry.kind.as_ref() == ERASED_KIND
}

/// Gives each entry its predecessor's hash, verifies it, and drops what was read as a link only.
fn link(mut found: Vec<Entry>, range: &EntryRange) -> Result<Vec<Entry>, ChainError> {
    let is_descending = range.direction == Direction::Descending;
    if is_descending {
        found.reverse();
    }
    // What is left of erased entries is where the others are linked to.
    let is_erased = found.first().is_some_and(is_erased_mark);
    let has_link =
        is_erased || if is_descending { found.len() > range.limit_count } else { range.after > 0 };
    let mut found = found.into_iter();
    let mut previous = (0, Hash::ZERO);
    if has_link && let Some(link) = found.next() {
        if !is_descending && !is_erased && link.seq != range.after {
            let (expected, found) = (range.after, link.seq);
            return Err(ChainError::Gap { journal: link.journal, expected, found });
        }
        previous = (link.seq, link.hash);
    }
    let mut linked = Vec::with_capacity(found.len());
    for mut entry in found.take(range.limit_count) {
        entry.prev_hash = previous.1;
        entry.verify_after(previous.0, previous.1)?;
        previous = (entry.seq, entry.hash);
        linked.push(entry);
    }
    if is_descending {
        linked.reverse();
    }
    Ok(linked)
}

fn chain_broken(error: &ChainError) -> StoreError {
    let at = match error {
        ChainError::Gap { journal, expected: seq, .. }
        | ChainError::Broken { journal, seq }
        | ChainError::Forged { journal, seq } => (journal.clone(), *seq),
    };
    StoreError::Corrupt { what: error.to_string(), at: Some(at) }
}

/// The latest saved fold of a journal.
pub(super) fn snapshot(
    connection: &Connection,
    database: &Path,
    journal: &JournalId,
) -> Result<Option<Snapshot>, StoreError> {
    let sql =
        "SELECT seq, version, bytes FROM journals JOIN snapshots USING (number) WHERE name = ?1";
    let load = || {
        connection
            .prepare_cached(sql)?
            .query_row([journal.as_ref()], |row| {
                let bytes = row.get_ref(2)?.as_blob()?.into();
                Ok(Snapshot { seq: row.get(0)?, version: row.get(1)?, bytes })
            })
            .optional()
    };
    load().map_err(|e| from_sqlite(e, &format!("read the snapshot of journal {journal}"), database))
}

/// Whether a journal has a blob.
pub(super) fn is_owned(
    connection: &Connection,
    database: &Path,
    journal: &JournalId,
    hash: &Hash,
) -> Result<bool, StoreError> {
    owners::is_owned(connection, journal, hash)
        .map_err(|e| from_sqlite(e, "look for a blob", database))
}

/// What is kept of a journal's blob: its bytes, or none when they are in a file.
pub(super) fn blob(
    connection: &Connection,
    database: &Path,
    journal: &JournalId,
    hash: &Hash,
) -> Result<Option<Option<Vec<u8>>>, StoreError> {
    owners::find(connection, journal, hash).map_err(|e| from_sqlite(e, "read a blob", database))
}

/// The files that nobody has any more.
pub(super) fn unowned_files(
    connection: &Connection,
    database: &Path,
    limit_count: usize,
) -> Result<Vec<Hash>, StoreError> {
    owners::unowned_files(connection, limit_count)
        .map_err(|e| from_sqlite(e, "look for blobs that nobody has", database))
}

/// One row, of a spec that has this SQL.
pub(super) fn row(
    connection: &Connection,
    database: &Path,
    sql: &RowSql,
    key: &RowKey,
) -> Result<Option<Row>, StoreError> {
    let load = || {
        connection
            .prepare_cached(&sql.select)?
            .query_row(params_from_iter(key.values.iter().map(AsRef::as_ref)), |row| {
                stored_row(row, &key.spec, sql.spec.key.len(), &sql.columns)
            })
            .optional()
    };
    load().map_err(|e| {
        from_sqlite(e, &format!("read row {:?} of {}", key.values, key.spec), database)
    })
}

fn stored_row(
    row: &rusqlite::Row<'_>,
    spec: &Arc<str>,
    key_count: usize,
    columns: &[&'static str],
) -> rusqlite::Result<Row> {
    let text =
        |column: usize| Ok::<Arc<str>, rusqlite::Error>(row.get_ref(column)?.as_str()?.into());
    let values = (0..key_count).map(text).collect::<Result<Vec<_>, _>>()?;
    let columns = columns
        .iter()
        .enumerate()
        .map(|(i, name)| Ok((Arc::from(*name), text(key_count + i)?)))
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let doc = json(row, key_count + columns.len())?;
    Ok(Row { key: RowKey { spec: spec.clone(), values }, columns, doc })
}

/// A scan's page.
pub(super) fn rows(
    connection: &Connection,
    database: &Path,
    request: &RowScan,
    specs: &Specs,
) -> Result<RowPage, StoreError> {
    let scan = check::scan(request, specs)?;
    let cursor = match scan.after {
        None => None,
        Some(key) => Some(cursor(connection, database, &scan, key)?),
    };
    let Some(statement) = sql::scan(&scan, cursor.as_deref(), request.direction) else {
        return Ok(RowPage { rows: Vec::new(), has_more: false });
    };
    let limit = i64::try_from(request.limit_count).unwrap_or(i64::MAX).saturating_add(1);
    let columns = check::index_columns(scan.spec);
    let load = || {
        let mut prepared = connection.prepare_cached(&statement.text)?;
        for (i, value) in statement.values.iter().enumerate() {
            prepared.raw_bind_parameter(i + 1, value.as_ref())?;
        }
        prepared.raw_bind_parameter(statement.values.len() + 1, limit)?;
        let mut found = prepared.raw_query();
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            rows.push(stored_row(row, &request.spec, scan.spec.key.len(), &columns)?);
        }
        Ok::<_, rusqlite::Error>(rows)
    };
    let mut rows =
        load().map_err(|e| from_sqlite(e, &format!("scan rows of {}", request.spec), database))?;
    let has_more = rows.len() > request.limit_count;
    rows.truncate(request.limit_count);
    Ok(RowPage { rows, has_more })
}

/// Where the cursor's row stands in the scan's order.
fn cursor(
    connection: &Connection,
    database: &Path,
    scan: &check::Scan<'_>,
    key: &RowKey,
) -> Result<Vec<Arc<str>>, StoreError> {
    let Some(number) = scan.index else { return Ok(key.values.clone()) };
    let sql = RowSql::new(scan.spec);
    let row = row(connection, database, &sql, key)?.ok_or_else(|| check::cursor_gone(key))?;
    let mut position = check::column_values(&row, scan.spec.indexes[number]);
    position.extend(row.key.values);
    Ok(position)
}

/// Tasks of a kind that are due, newest first, those only that `is_free` answers for.
pub(super) fn due_tasks(
    connection: &Connection,
    database: &Path,
    kind: &Arc<str>,
    now_ms: u64,
    limit_count: usize,
    is_free: impl Fn(&TaskKey) -> bool,
) -> Result<Vec<TaskKey>, StoreError> {
    let sql = "SELECT subject FROM tasks WHERE kind = ?1 AND due_at_ms <= ?2
        ORDER BY due_at_ms DESC, subject ASC";
    let load = || {
        let mut statement = connection.prepare_cached(sql)?;
        let now_ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![kind, now_ms])?;
        let mut found = Vec::new();
        while found.len() < limit_count {
            let Some(row) = rows.next()? else { break };
            let key = TaskKey { kind: kind.clone(), subject: row.get_ref(0)?.as_str()?.into() };
            if is_free(&key) {
                found.push(key);
            }
        }
        Ok::<_, rusqlite::Error>(found)
    };
    load().map_err(|e| from_sqlite(e, &format!("look for due tasks of kind {kind}"), database))
}
