use mainstay_protocol::RowKey;
use rusqlite::{Connection, params_from_iter};

use super::*;
use crate::RowScan;
use crate::conformance::SPECS;

fn tables() -> Connection {
    let connection = Connection::open_in_memory().expect("opens");
    for spec in SPECS {
        connection.execute_batch(&create_table(spec)).expect("creates");
        for index in spec.indexes {
            connection.execute_batch(&create_index(spec, index)).expect("creates");
        }
    }
    connection
}

/// How SQLite would run a statement.
fn plan(connection: &Connection, text: &str, values: &[Arc<str>]) -> String {
    let mut statement =
        connection.prepare(&format!("EXPLAIN QUERY PLAN {text}")).expect("compiles");
    let values = values.iter().map(AsRef::as_ref).chain(["1"]).take(statement.parameter_count());
    let steps =
        statement.query_map(params_from_iter(values), |row| row.get::<_, String>(3)).expect("runs");
    steps.map(|step| step.expect("readable")).collect::<Vec<_>>().join("; ")
}

#[test]
fn every_scan_follows_one_index() {
    let connection = tables();
    let declared = check::specs(SPECS).expect("valid");
    for spec in SPECS {
        let orders = std::iter::once([].as_slice()).chain(spec.indexes.iter().copied());
        for index in orders {
            for prefix_count in 0..=index.len() + spec.key.len() {
                for with_cursor in [false, true] {
                    let request = RowScan {
                        spec: spec.name.into(),
                        index: index.iter().map(|column| (*column).into()).collect(),
                        prefix: vec!["a".into(); prefix_count],
                        after: with_cursor.then(|| RowKey::new(spec, &vec!["b"; spec.key.len()])),
                        direction: Direction::Descending,
                        limit_count: 10,
                    };
                    let checked = check::scan(&request, &declared).expect("valid");
                    let cursor = vec![Arc::from("a"); index.len() + spec.key.len()];
                    let Some(sql) =
                        scan(&checked, with_cursor.then_some(&cursor[..]), request.direction)
                    else {
                        assert!(with_cursor && prefix_count == cursor.len());
                        continue;
                    };
                    let plan = plan(&connection, &sql.text, &sql.values);
                    assert!(
                        !plan.contains("TEMP B-TREE") && !plan.contains(';'),
                        "{}: {plan}",
                        sql.text
                    );
                    let bounded = prefix_count > 0 || with_cursor;
                    assert_eq!(plan.starts_with("SEARCH"), bounded, "{}: {plan}", sql.text);
                }
            }
        }
    }
}

#[test]
fn single_rows_are_found_by_their_key() {
    let connection = tables();
    for spec in SPECS {
        let sql = RowSql::new(spec);
        let values = vec![Arc::from("a"); spec.key.len() + sql.columns.len() + 1];
        for text in [&sql.exists, &sql.select, &sql.update_doc, &sql.delete] {
            let plan = plan(&connection, text, &values);
            assert!(plan.starts_with("SEARCH"), "{text}: {plan}");
        }
    }
}
