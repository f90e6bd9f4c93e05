//! What every backend demands of a commit or a scan before it looks at stored data.
//!
//! Invariant: the answer depends on the request and the declared row specs alone, so that all
//! backends refuse the same requests as `Invalid`. Deliberately absent: anything about the journal's
//! head, leases or rows that exist; those answers are `Fenced` and `Conflict`.

use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay_protocol::{Hash, MAX_KEY_COLUMNS, Row, RowChange, RowKey, RowSpec, Seq, TaskChange};

use crate::{Commit, RowScan, StoreError};

/// The most entries one journal may hold; positions fit 32 bits in every backend.
pub(crate) const MAX_ENTRIES_PER_JOURNAL: Seq = u32::MAX as Seq;

/// The declared row specs, by name.
pub(crate) type Specs = BTreeMap<&'static str, &'static RowSpec>;

pub(crate) fn invalid(what: impl Into<String>) -> StoreError {
    StoreError::Invalid { what: what.into() }
}

/// Takes a list of specs apart, refusing names that could not become tables.
pub(crate) fn specs(list: &'static [RowSpec]) -> Result<Specs, StoreError> {
    let plain =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let mut specs = Specs::new();
    for spec in list {
        let names = || spec.key.iter().chain(spec.indexes.iter().copied().flatten());
        if !plain(spec.name) || !names().all(|name| plain(name) && *name != "doc") {
            return Err(invalid(format!("row spec {:?} has a name beyond a-z and _", spec.name)));
        }
        if spec.key.is_empty() || spec.key.len() > MAX_KEY_COLUMNS {
            return Err(invalid(format!(
                "row spec {} needs 1 to {MAX_KEY_COLUMNS} key columns",
                spec.name
            )));
        }
        if index_columns(spec).iter().any(|column| spec.key.contains(column)) {
            return Err(invalid(format!("row spec {} indexes a key column", spec.name)));
        }
        if specs.insert(spec.name, spec).is_some() {
            return Err(invalid(format!("row spec {} is declared twice", spec.name)));
        }
    }
    Ok(specs)
}

/// The columns stored beside the document: those that any index names, in order of first mention.
pub(crate) fn index_columns(spec: &RowSpec) -> Vec<&'static str> {
    let mut columns = Vec::new();
    for column in spec.indexes.iter().copied().flatten() {
        if !columns.contains(column) {
            columns.push(*column);
        }
    }
    columns
}

/// A blob that is to be adopted is not the other journal's.
pub(crate) fn not_adopted(commit: &Commit, hash: &str) -> StoreError {
    let from = commit.adopts.as_ref().map_or("", |adoption| adoption.from.as_ref());
    let what = format!("journal {from} has no blob {hash}");
    StoreError::Conflict { journal: commit.journal.clone(), what }
}

/// Checks a commit's shape: entries sealed and linked, rows as declared, the snapshot inside.
pub(crate) fn commit(commit: &Commit, specs: &Specs) -> Result<(), StoreError> {
    let mut seq = commit.expected_seq;
    let mut hash = commit.entries.first().map_or(Hash::ZERO, |first| first.prev_hash);
    for entry in &commit.entries {
        if entry.journal != commit.journal {
            return Err(invalid(format!(
                "entry of journal {} in a commit to {}",
                entry.journal, commit.journal
            )));
        }
        entry.verify_after(seq, hash).map_err(|e| invalid(format!("unsealed commit: {e}")))?;
        check_time("entry", entry.at)?;
        (seq, hash) = (entry.seq, entry.hash);
    }
    if seq > MAX_ENTRIES_PER_JOURNAL {
        return Err(invalid(format!("journal {} would hold {seq} entries", commit.journal)));
    }
    for change in &commit.rows {
        match change {
            RowChange::Put(row) | RowChange::Insert(row) => check_row(row, specs)?,
            RowChange::Delete(key) => {
                key_spec(key, specs)?;
            }
        }
    }
    for change in &commit.tasks {
        match change {
            TaskChange::Put { due_at_ms, .. } => check_time("task", *due_at_ms)?,
            TaskChange::Delete { .. } => {}
        }
    }
    match &commit.snapshot {
        Some(snapshot) if snapshot.seq > seq => Err(invalid(format!(
            "snapshot at {} of journal {}, which ends at {seq}",
            snapshot.seq, commit.journal
        ))),
        Some(_) | None => Ok(()),
    }
}

/// SQL integers have a sign.
fn check_time(what: &str, at_ms: u64) -> Result<(), StoreError> {
    i64::try_from(at_ms).map(|_| ()).map_err(|_| invalid(format!("{what} with the time {at_ms}")))
}

/// Checks a commit against its journal's end.
pub(crate) fn head(commit: &Commit, seq: Seq, hash: Hash) -> Result<(), StoreError> {
    let conflict = |what| Err(StoreError::Conflict { journal: commit.journal.clone(), what });
    if commit.expected_seq != seq {
        return conflict(format!(
            "expected entry {} as the last, found {seq}",
            commit.expected_seq
        ));
    }
    match commit.entries.first() {
        Some(first) if first.prev_hash != hash => {
            conflict(format!("entry {} does not follow from the stored entry {seq}", first.seq))
        }
        Some(_) | None => Ok(()),
    }
}

/// The spec of a key that has the right number of columns.
pub(crate) fn key_spec(key: &RowKey, specs: &Specs) -> Result<&'static RowSpec, StoreError> {
    let spec = named(&key.spec, specs)?;
    if spec.key.len() != key.values.len() {
        return Err(invalid(format!(
            "key of {} values for row spec {}, which has {} key columns",
            key.values.len(),
            spec.name,
            spec.key.len()
        )));
    }
    Ok(spec)
}

fn named(name: &str, specs: &Specs) -> Result<&'static RowSpec, StoreError> {
    specs.get(name).copied().ok_or_else(|| invalid(format!("row spec {name} is not declared")))
}

fn check_row(row: &Row, specs: &Specs) -> Result<(), StoreError> {
    let spec = key_spec(&row.key, specs)?;
    let columns = index_columns(spec);
    let given = |column: &&str| row.columns.iter().any(|(name, _)| **name == **column);
    if row.columns.len() == columns.len() && columns.iter().all(given) {
        return Ok(());
    }
    let names: Vec<_> = row.columns.iter().map(|(name, _)| name.as_ref()).collect();
    Err(invalid(format!("row of {} with columns {names:?} instead of {columns:?}", spec.name)))
}

/// The values of these columns of a row; the row was checked before.
pub(crate) fn column_values(row: &Row, columns: &[&'static str]) -> Vec<Arc<str>> {
    let value = |column: &&'static str| {
        let found = row.columns.iter().find(|(name, _)| **name == **column);
        found.expect("checked rows have all indexed columns").1.clone()
    };
    columns.iter().map(value).collect()
}

/// A scan with its names resolved.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    pub(crate) spec: &'static RowSpec,
    /// Number of the index among the spec's, or none for key order.
    pub(crate) index: Option<usize>,
    pub(crate) prefix: &'a [Arc<str>],
    pub(crate) after: Option<&'a RowKey>,
}

/// Resolves a scan's spec, index and cursor.
pub(crate) fn scan<'a>(scan: &'a RowScan, specs: &Specs) -> Result<Scan<'a>, StoreError> {
    let spec = named(&scan.spec, specs)?;
    let is_asked = |index: &&[&str]| {
        index.len() == scan.index.len() && index.iter().zip(&scan.index).all(|(a, b)| **a == **b)
    };
    let index = if scan.index.is_empty() {
        None
    } else {
        let found = spec.indexes.iter().position(is_asked);
        Some(found.ok_or_else(|| {
            invalid(format!("row spec {} has no index {:?}", spec.name, scan.index))
        })?)
    };
    let order_columns = scan.index.len() + spec.key.len();
    if scan.prefix.len() > order_columns {
        return Err(invalid(format!(
            "prefix of {} values for an order of {order_columns} columns of {}",
            scan.prefix.len(),
            spec.name
        )));
    }
    if let Some(cursor) = &scan.after
        && (*cursor.spec != *spec.name || cursor.values.len() != spec.key.len())
    {
        return Err(invalid(format!(
            "cursor {cursor:?} does not belong to a scan of {}",
            spec.name
        )));
    }
    Ok(Scan { spec, index, prefix: &scan.prefix, after: scan.after.as_ref() })
}

/// The refusal of a cursor whose row is gone, in an index's order.
pub(crate) fn cursor_gone(key: &RowKey) -> StoreError {
    invalid(format!("the cursor's row {:?} of {} is gone", key.values, key.spec))
}

/// The first `Insert` of the commit whose row exists already, the commit's own earlier changes
/// included. `exists` answers for stored rows.
pub(crate) fn insert_clash<E>(
    changes: &[RowChange],
    mut exists: impl FnMut(&RowKey) -> Result<bool, E>,
) -> Result<Option<&RowKey>, E> {
    let mut changed: BTreeMap<&RowKey, bool> = BTreeMap::new();
    for change in changes {
        match change {
            RowChange::Put(row) => changed.insert(&row.key, true),
            RowChange::Delete(key) => changed.insert(key, false),
            RowChange::Insert(row) => {
                let clash = match changed.get(&row.key) {
                    Some(exists) => *exists,
                    None => exists(&row.key)?,
                };
                if clash {
                    return Ok(Some(&row.key));
                }
                changed.insert(&row.key, true)
            }
        };
    }
    Ok(None)
}
