//! The SQL text of a row spec.
//!
//! Invariant: names were checked to be `a-z` and `_` and are quoted all the same; values are always
//! bound. Every column is text. A table has a row id: without one, a document that spills over its
//! page would be read whole by each comparison of keys on the way to a row.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::sync::Arc;

use mainstay_protocol::RowSpec;

use crate::check;
use crate::{Direction, check::Scan};

/// The statements that change or look up one row of a spec.
#[derive(Debug)]
pub(super) struct RowSql {
    pub(super) spec: &'static RowSpec,
    /// The columns beside key and document, in stored order.
    pub(super) columns: Vec<&'static str>,
    /// Key → 1, if the row exists.
    pub(super) exists: String,
    /// Key → key, columns, document.
    pub(super) select: String,
    /// Key, columns, document: inserts or replaces.
    pub(super) upsert: String,
    /// Key, columns, document: replaces the document of a row whose columns are these already, so
    /// that the pages of its indexes stay clean.
    pub(super) update_doc: String,
    /// Key: deletes.
    pub(super) delete: String,
}

impl RowSql {
    pub(super) fn new(spec: &'static RowSpec) -> Self {
        let columns = check::index_columns(spec);
        let table = table(spec.name);
        let key_and_columns: Vec<_> = spec.key.iter().chain(&columns).copied().collect();
        let all = selected(&key_and_columns);
        let key_equal = equal(spec.key, 1);
        let doc_number = key_and_columns.len() + 1;
        let values: Vec<_> = (1..=doc_number).map(|n| format!("?{n}")).collect();
        let mut set: Vec<_> =
            columns.iter().map(|column| format!("\"{column}\" = excluded.\"{column}\"")).collect();
        set.push("\"doc\" = excluded.\"doc\"".to_owned());
        Self {
            spec,
            exists: format!("SELECT 1 FROM {table} WHERE {key_equal}"),
            select: format!("SELECT {all} FROM {table} WHERE {key_equal}"),
            upsert: format!(
                "INSERT INTO {table} ({all}) VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {}",
                values.join(", "),
                list(spec.key),
                set.join(", ")
            ),
            update_doc: format!(
                "UPDATE {table} SET \"doc\" = ?{doc_number} WHERE {}",
                equal(&key_and_columns, 1)
            ),
            delete: format!("DELETE FROM {table} WHERE {key_equal}"),
            columns,
        }
    }
}

/// The quoted name of a spec's table.
pub(super) fn table(spec_name: &str) -> String {
    format!("\"row_{spec_name}\"")
}

/// The quoted name of a spec's index over these columns.
fn index_name(spec_name: &str, columns: &[impl AsRef<str>]) -> String {
    let columns: Vec<_> = columns.iter().map(AsRef::as_ref).collect();
    format!("\"row_{spec_name}:{}\"", columns.join(","))
}

pub(super) fn create_table(spec: &RowSpec) -> String {
    let mut sql = format!("CREATE TABLE {} (", table(spec.name));
    for column in spec.key.iter().chain(&check::index_columns(spec)) {
        let _ = write!(sql, "{}, ", column_definition(column));
    }
    let _ = write!(sql, "\"doc\" TEXT NOT NULL, PRIMARY KEY ({}))", list(spec.key));
    sql
}

pub(super) fn add_column(spec: &RowSpec, column: &str) -> String {
    format!("ALTER TABLE {} ADD COLUMN {}", table(spec.name), column_definition(column))
}

/// With a default, so that a column which a later version no longer fills does no harm.
fn column_definition(column: &str) -> String {
    format!("\"{column}\" TEXT NOT NULL DEFAULT ''")
}

/// The key's columns stand behind the index's, so that the index alone gives the whole order.
pub(super) fn create_index(spec: &RowSpec, columns: &[impl AsRef<str>]) -> String {
    let names: Vec<_> = columns.iter().map(AsRef::as_ref).chain(spec.key.iter().copied()).collect();
    format!(
        "CREATE INDEX {} ON {} ({})",
        index_name(spec.name, columns),
        table(spec.name),
        list(&names)
    )
}

pub(super) fn drop_index(spec: &RowSpec, columns: &[impl AsRef<str>]) -> String {
    format!("DROP INDEX {}", index_name(spec.name, columns))
}

/// A scan as a statement and its values.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ScanSql {
    pub(super) text: String,
    pub(super) values: Vec<Arc<str>>,
}

/// The statement of a scan, or none when nothing can lie behind its cursor. `cursor` holds the
/// cursor row's values in the scan's order. The limit is the last value to bind.
pub(super) fn scan(
    scan: &Scan<'_>,
    cursor: Option<&[Arc<str>]>,
    direction: Direction,
) -> Option<ScanSql> {
    let index: &[&str] = scan.index.map_or(&[], |number| scan.spec.indexes[number]);
    let order: Vec<_> = index.iter().chain(scan.spec.key).copied().collect();
    let (rest_operator, word) = match direction {
        Direction::Ascending => (">", "ASC"),
        Direction::Descending => ("<", "DESC"),
    };
    let (fixed, rest) = order.split_at(scan.prefix.len());
    let mut conditions = Vec::new();
    let mut values = scan.prefix.to_vec();
    if !fixed.is_empty() {
        conditions.push(equal(fixed, 1));
    }
    if let Some(cursor) = cursor {
        let (cursor_fixed, cursor_rest) = cursor.split_at(scan.prefix.len());
        match (cursor_fixed.cmp(scan.prefix), direction) {
            (Ordering::Equal, _) if rest.is_empty() => return None,
            (Ordering::Equal, _) => {
                let numbers: Vec<_> =
                    (1..=rest.len()).map(|n| format!("?{}", values.len() + n)).collect();
                conditions.push(format!(
                    "({}) {rest_operator} ({})",
                    list(rest),
                    numbers.join(", ")
                ));
                values.extend_from_slice(cursor_rest);
            }
            (Ordering::Greater, Direction::Ascending) | (Ordering::Less, Direction::Descending) => {
                return None;
            }
            (Ordering::Less, Direction::Ascending) | (Ordering::Greater, Direction::Descending) => {
            }
        }
    }
    let filter = if conditions.is_empty() {
        String::new()
    } else {
        format!(" WHERE {}", conditions.join(" AND "))
    };
    let by: Vec<_> = order.iter().map(|column| format!("\"{column}\" {word}")).collect();
    let columns = check::index_columns(scan.spec);
    let all: Vec<_> = scan.spec.key.iter().chain(&columns).copied().collect();
    let text = format!(
        "SELECT {} FROM {}{filter} ORDER BY {} LIMIT ?{}",
        selected(&all),
        table(scan.spec.name),
        by.join(", "),
        values.len() + 1
    );
    Some(ScanSql { text, values })
}

fn list(columns: &[&str]) -> String {
    let quoted: Vec<_> = columns.iter().map(|column| format!("\"{column}\"")).collect();
    quoted.join(", ")
}

fn selected(columns: &[&str]) -> String {
    format!("{}, \"doc\"", list(columns))
}

fn equal(columns: &[&str], first_number: usize) -> String {
    let terms: Vec<_> = columns
        .iter()
        .enumerate()
        .map(|(i, column)| format!("\"{column}\" = ?{}", first_number + i))
        .collect();
    terms.join(" AND ")
}

#[cfg(test)]
#[path = "sql_tests.rs"]
mod tests;
