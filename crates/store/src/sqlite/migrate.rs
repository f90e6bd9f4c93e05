//! Brings the tables of row specs up to date.
//!
//! Invariant: nothing stored is dropped. A new spec makes a table; a new column is empty in rows
//! that were there before, until they are put again; indexes follow the spec; a key never changes.
//! The tables of specs that are no longer declared stay.

use mainstay_protocol::RowSpec;
use rusqlite::{Connection, TransactionBehavior};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::check::{self, Specs, invalid};
use crate::sqlite::schema::{meta, put_meta};
use crate::sqlite::sql;

/// A row spec as the file has it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stored {
    key: Vec<String>,
    columns: Vec<String>,
    indexes: Vec<Vec<String>>,
}

impl Stored {
    fn of(spec: &RowSpec) -> Self {
        let owned =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        Self {
            key: owned(spec.key),
            columns: owned(&check::index_columns(spec)),
            indexes: spec.indexes.iter().map(|index| owned(index)).collect(),
        }
    }
}

/// Applies all specs in one transaction. The outer error is the database's, the inner one tells
/// of a spec that cannot be served.
pub(super) fn migrate(
    connection: &mut Connection,
    specs: &Specs,
) -> rusqlite::Result<Result<(), StoreError>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for spec in specs.values() {
        if let Err(refusal) = migrate_one(&transaction, spec)? {
            return Ok(Err(refusal));
        }
    }
    transaction.commit()?;
    Ok(Ok(()))
}

fn migrate_one(
    connection: &Connection,
    spec: &RowSpec,
) -> rusqlite::Result<Result<(), StoreError>> {
    let name = format!("row_spec:{}", spec.name);
    let mut wanted = Stored::of(spec);
    let Some(text) = meta::<String>(connection, &name)? else {
        connection.execute_batch(&sql::create_table(spec))?;
        for index in spec.indexes {
            connection.execute_batch(&sql::create_index(spec, index))?;
        }
        put(connection, &name, &wanted)?;
        return Ok(Ok(()));
    };
    let Ok(stored) = serde_json::from_str::<Stored>(&text) else {
        return Ok(Err(StoreError::Corrupt {
            what: format!("{name} in table meta: {text}"),
            at: None,
        }));
    };
    if stored == wanted {
        return Ok(Ok(()));
    }
    if stored.key != wanted.key {
        return Ok(Err(invalid(format!(
            "row spec {} has the key {:?} and is stored with {:?}: a changed key needs a new name",
            spec.name, wanted.key, stored.key
        ))));
    }

    for column in wanted.columns.iter().filter(|column| !stored.columns.contains(column)) {
        connection.execute_batch(&sql::add_column(spec, column))?;
    }
    for index in stored.indexes.iter().filter(|index| !wanted.indexes.contains(index)) {
        connection.execute_batch(&sql::drop_index(spec, index))?;
    }
    for index in wanted.indexes.iter().filter(|index| !stored.indexes.contains(index)) {
        connection.execute_batch(&sql::create_index(spec, index))?;
    }
    let unused = stored.columns.into_iter().filter(|column| !wanted.columns.contains(column));
    let unused: Vec<_> = unused.collect();
    wanted.columns.extend(unused);
    put(connection, &name, &wanted)?;
    Ok(Ok(()))
}

fn put(connection: &Connection, name: &str, stored: &Stored) -> rusqlite::Result<()> {
    put_meta(connection, name, serde_json::to_string(stored).expect("lists of texts serialise"))
}
