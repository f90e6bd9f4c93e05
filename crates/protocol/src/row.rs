//! Rows (projections and resources) and tasks (sessions with work to do), as the store sees them.
//!
//! Invariant: a row's key and its indexed columns are texts; numbers are written zero-padded by
//! whoever fills the row, so that text order is their order.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The most key columns a row spec may declare.
pub const MAX_KEY_COLUMNS: usize = 4;

/// A table of rows, declared once beside the pure function that fills it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowSpec {
    /// Table name, `a-z` and `_`.
    pub name: &'static str,
    /// Names of the key columns, most significant first.
    pub key: &'static [&'static str],
    /// Indexes: each a list of indexed columns (besides the key, which is always one).
    /// Every column named here is stored beside the document.
    pub indexes: &'static [&'static [&'static str]],
}

/// Names one row: the spec and a value for each key column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RowKey {
    /// Name of the row spec.
    pub spec: Arc<str>,
    /// One value per key column.
    pub values: Vec<Arc<str>>,
}

impl RowKey {
    /// A key from its parts.
    #[must_use]
    pub fn new(spec: &RowSpec, values: &[&str]) -> Self {
        debug_assert_eq!(spec.key.len(), values.len(), "one value per key column of {}", spec.name);
        Self { spec: spec.name.into(), values: values.iter().map(|v| Arc::from(*v)).collect() }
    }
}

/// One row.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// Its key.
    pub key: RowKey,
    /// Values of the indexed columns, by name, for exactly the columns the spec's indexes name.
    pub columns: Vec<(Arc<str>, Arc<str>)>,
    /// The document, JSON.
    pub doc: Box<RawValue>,
}

impl Row {
    /// A row whose document is `doc` as JSON.
    #[must_use]
    pub fn new<T: Serialize>(key: RowKey, columns: &[(&str, &str)], doc: &T) -> Self {
        let doc = serde_json::value::to_raw_value(doc).expect("row documents serialise");
        let columns = columns.iter().map(|(k, v)| (Arc::from(*k), Arc::from(*v))).collect();
        Self { key, columns, doc }
    }

    /// Reads the document.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.doc.get())
    }
}

/// A change to a row, part of a commit.
#[derive(Debug, Clone)]
pub enum RowChange {
    /// Inserts or replaces.
    Put(Row),
    /// Inserts; the whole commit is a conflict if the key exists.
    Insert(Row),
    /// Deletes; nothing happens if there is no such row.
    Delete(RowKey),
}

/// Names a task: what kind of work, on what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskKey {
    /// Kind of work; `session` for a session with something to do.
    pub kind: Arc<str>,
    /// What it is about; for `session`, the session's id.
    pub subject: Arc<str>,
}

/// A change to the tasks, part of a commit.
#[derive(Debug, Clone)]
pub enum TaskChange {
    /// There is work for this subject from this time on (Unix milliseconds). Replaces.
    Put { key: TaskKey, due_at_ms: u64 },
    /// No work is left.
    Delete { key: TaskKey },
}
