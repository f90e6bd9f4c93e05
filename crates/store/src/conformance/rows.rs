//! Putting, inserting, deleting rows.

use mainstay_protocol::{Row, RowChange, RowKey};

use crate::conformance::suite::{Tested, assert_refused};
use crate::conformance::{Chain, note, thing};

async fn change(store: &Tested, chain: &mut Chain, rows: Vec<RowChange>) {
    let mut commit = chain.commit(&["1"]);
    commit.rows = rows;
    store.commit(commit).await.expect("committed");
}

async fn doc(store: &Tested, key: &RowKey) -> Option<String> {
    store.row(key).await.expect("readable").map(|row| row.doc.get().to_owned())
}

pub(super) async fn rows_are_put_replaced_and_deleted(store: Tested) {
    let mut chain = Chain::new("ses_a");
    let first = thing(["t", "a"], "open", "1", "me", 1);
    let long = Row::new(
        first.key.clone(),
        &[("status", "open"), ("updated", "1"), ("owner", "me")],
        &"x".repeat(9_000),
    );
    let steps = [
        RowChange::Put(first.clone()),
        RowChange::Put(thing(["t", "a"], "open", "1", "me", 2)),
        RowChange::Put(long),
        RowChange::Put(thing(["t", "a"], "shut", "2", "you", 3)),
        RowChange::Delete(first.key.clone()),
        RowChange::Delete(first.key.clone()),
        RowChange::Insert(first.clone()),
    ];
    for step in steps {
        let expected = match &step {
            RowChange::Put(row) | RowChange::Insert(row) => Some(row.clone()),
            RowChange::Delete(_) => None,
        };
        change(&store, &mut chain, vec![step]).await;
        let found = store.row(&first.key).await.expect("readable");
        assert_eq!(found.as_ref().map(|r| &r.columns), expected.as_ref().map(|r| &r.columns));
        assert_eq!(found.map(|r| r.doc.get().to_owned()), expected.map(|r| r.doc.get().to_owned()));
    }
}

pub(super) async fn an_insert_of_an_existing_row_conflicts_whole(store: Tested) {
    let mut chain = Chain::new("ses_a");
    change(&store, &mut chain, vec![RowChange::Insert(note("n", "first"))]).await;
    let mut refused = chain.clone().commit(&["2"]);
    refused.rows =
        vec![RowChange::Put(note("other", "never")), RowChange::Insert(note("n", "second"))];
    assert_refused(store.commit(refused).await, "conflict");
    assert_eq!(doc(&store, &note("n", "").key).await.as_deref(), Some("\"first\""));
    assert_eq!(doc(&store, &note("other", "").key).await, None);
    change(&store, &mut chain, vec![RowChange::Put(note("n", "third"))]).await;
}

pub(super) async fn changes_of_one_commit_apply_in_order(store: Tested) {
    let mut chain = Chain::new("ses_a");
    let key = note("n", "").key;
    let steps = vec![
        RowChange::Insert(note("n", "1")),
        RowChange::Delete(key.clone()),
        RowChange::Insert(note("n", "2")),
        RowChange::Put(note("n", "3")),
    ];
    change(&store, &mut chain, steps).await;
    assert_eq!(doc(&store, &key).await.as_deref(), Some("\"3\""));
    change(
        &store,
        &mut chain,
        vec![RowChange::Delete(key.clone()), RowChange::Insert(note("n", "4"))],
    )
    .await;
    assert_eq!(doc(&store, &key).await.as_deref(), Some("\"4\""));
    let mut twice = chain.commit(&["1"]);
    twice.rows = vec![RowChange::Insert(note("m", "1")), RowChange::Insert(note("m", "2"))];
    assert_refused(store.commit(twice).await, "conflict");
}

pub(super) async fn undeclared_rows_are_invalid(store: Tested) {
    let chain = Chain::new("ses_a");
    let undeclared = RowKey { spec: "unknown".into(), values: vec!["a".into()] };
    let short = RowKey { spec: "thing".into(), values: vec!["t".into()] };
    let mut missing_column = thing(["t", "a"], "open", "1", "me", 1);
    missing_column.columns.pop();
    let mut extra_column = note("n", "x");
    extra_column.columns.push(("owner".into(), "me".into()));
    let row = |key: &RowKey| Row::new(key.clone(), &[], &1);
    let wrong = [
        RowChange::Put(row(&undeclared)),
        RowChange::Delete(undeclared.clone()),
        RowChange::Insert(row(&short)),
        RowChange::Delete(short.clone()),
        RowChange::Put(missing_column),
        RowChange::Put(extra_column),
    ];
    for change in wrong {
        let mut commit = chain.clone().commit(&["1"]);
        commit.rows = vec![change];
        assert_refused(store.commit(commit).await, "invalid");
    }
    for key in [&undeclared, &short] {
        assert_refused(store.row(key).await, "invalid");
    }
}
