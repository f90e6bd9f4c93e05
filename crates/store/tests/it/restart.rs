//! What stays when a store is closed and opened again, and how its tables follow the specs.

use mainstay_protocol::{RowChange, RowKey, RowSpec, TaskChange, TaskKey};
use mainstay_store::conformance::{Chain, note, thing};
use mainstay_store::{
    ClaimRequest, ClaimWhat, Direction, RowScan, Snapshot, SqliteOptions, SqliteStore, Store,
};

use crate::support::{entries, folder, noted, open, text};

#[tokio::test]
async fn everything_but_leases_is_there_again() {
    let folder = folder();
    let mut chain = Chain::new("ses_a");
    let key = TaskKey { kind: "session".into(), subject: "ses_a".into() };
    let claim = |now_ms| ClaimRequest {
        what: ClaimWhat::Due { kind: "session".into(), limit_count: 9 },
        owner: "me".into(),
        now_ms,
        lease_ms: 1_000,
    };
    let mut last_epoch = 0;
    for round in 1..=3 {
        let store = open(folder.path()).await;
        let mut commit = noted(&mut chain, "1");
        commit.snapshot = Some(Snapshot { seq: round, version: 1, bytes: vec![7; 3_000].into() });
        commit.tasks = vec![TaskChange::Put { key: key.clone(), due_at_ms: 5 }];
        let blob = store.put_blob(&chain.journal, b"kept").await.expect("kept");
        store.commit(commit).await.expect("committed");
        drop(store);
        let left: Vec<_> = std::fs::read_dir(folder.path())
            .expect("readable")
            .flatten()
            .map(|f| f.file_name())
            .collect();
        assert!(
            !left.iter().any(|name| name == "mainstay.db-wal"),
            "a clean end leaves one file: {left:?}"
        );

        let store = open(folder.path()).await;
        assert_eq!(entries(&store, "ses_a").await.expect("readable").len() as u64, round);
        assert_eq!(
            store.snapshot(&chain.journal).await.expect("readable").map(|s| s.seq),
            Some(round)
        );
        assert!(store.row(&note("ses_a", "").key).await.expect("readable").is_some());
        let found = store.blob(&chain.journal, &blob).await.expect("readable");
        assert_eq!(found.as_deref(), Some(b"kept".as_slice()));
        let claims = store.claim(claim(5)).await.expect("claims");
        assert!(claims.len() == 1 && claims[0].epoch > last_epoch);
        last_epoch = claims[0].epoch;
    }
}

#[tokio::test]
async fn any_sqlite_tool_can_read_the_file() {
    let folder = folder();
    let store = open(folder.path()).await;
    let mut chain = Chain::new("ses_a");
    store.commit(noted(&mut chain, "{\"a\":1}")).await.expect("committed");
    let tool = rusqlite::Connection::open(folder.path().join("mainstay.db")).expect("opens");
    let found: (String, u64, String, String) = tool
        .query_row("SELECT journal, seq, payload, hash FROM entries", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .expect("readable");
    assert_eq!(found, ("ses_a".to_owned(), 1, "{\"a\":1}".to_owned(), chain.hash.to_string()));
    let doc: String = tool
        .query_row("SELECT doc FROM row_note WHERE note = 'ses_a'", [], |row| row.get(0))
        .expect("readable");
    assert_eq!(doc, "\"1\"");
}

#[tokio::test]
async fn a_long_read_does_not_stop_the_writer() {
    let folder = folder();
    let store = open(folder.path()).await;
    let mut chain = Chain::new("ses_a");
    store.commit(noted(&mut chain, "1")).await.expect("committed");
    let reader = rusqlite::Connection::open(folder.path().join("mainstay.db")).expect("opens");
    reader.execute_batch("BEGIN; SELECT * FROM journal;").expect("reads");
    for _ in 0..300 {
        store.commit(noted(&mut chain, &text(20_000))).await.expect("committed");
    }
    reader.execute_batch("COMMIT").expect("ends");
    for _ in 0..100 {
        store.commit(noted(&mut chain, &text(20_000))).await.expect("committed");
    }
    assert_eq!(entries(&store, "ses_a").await.expect("verifies").len(), 401);
}

#[tokio::test]
async fn the_log_keeps_its_size() {
    let folder = folder();
    let store = open(folder.path()).await;
    let mut chain = Chain::new("ses_a");
    let size = || std::fs::metadata(folder.path().join("mainstay.db-wal")).expect("there").len();
    let first = size();
    let mut sizes = Vec::new();
    for _ in 0..24 {
        for _ in 0..10 {
            store.commit(noted(&mut chain, &text(50_000))).await.expect("committed");
        }
        sizes.push(size());
    }
    assert_eq!(first, 256 << 10);
    assert_eq!(&sizes[16..], [4 << 20; 8], "{sizes:?}");
}

const NAME: &str = "thing";

const V1: &[RowSpec] =
    &[RowSpec { name: NAME, key: &["tenant", "thing"], indexes: &[&["status"], &["owner"]] }];

const V2: &[RowSpec] = &[
    RowSpec {
        name: NAME,
        key: &["tenant", "thing"],
        indexes: &[&["owner"], &["updated", "owner"]],
    },
    RowSpec { name: "order", key: &["group"], indexes: &[&["select"]] },
];

const OTHER_KEY: &[RowSpec] = &[RowSpec { name: NAME, key: &["thing"], indexes: &[] }];

#[tokio::test]
async fn tables_follow_their_specs() {
    let folder = folder();
    let open = || SqliteStore::open(&SqliteOptions::new(folder.path())).expect("opens");
    let mut chain = Chain::new("ses_a");
    let row = |columns: &[&str], doc| {
        let mut row = thing(["t", "a"], "open", "1", "me", doc);
        row.columns.retain(|(name, _)| columns.contains(&name.as_ref()));
        RowChange::Put(row)
    };
    let scan = |index: &[&str]| RowScan {
        spec: NAME.into(),
        index: index.iter().map(|column| (*column).into()).collect(),
        prefix: Vec::new(),
        after: None,
        direction: Direction::Ascending,
        limit_count: 9,
    };
    let store = open();
    store.migrate(V1).await.expect("migrates");
    let mut commit = chain.commit(&["1"]);
    commit.rows = vec![row(&["status", "owner"], 1)];
    store.commit(commit).await.expect("committed");
    drop(store);

    let store = open();
    store.migrate(V2).await.expect("migrates");
    let found = store.rows(scan(&["updated", "owner"])).await.expect("readable").rows;
    let expected = [("owner".into(), "me".into()), ("updated".into(), "".into())];
    assert_eq!(found[0].columns, expected, "a new column is empty");
    assert!(store.rows(scan(&["status"])).await.is_err(), "a dropped index cannot be asked for");
    let mut commit = chain.commit(&["2"]);
    commit.rows = vec![row(&["updated", "owner"], 2)];
    store.commit(commit).await.expect("committed");
    drop(store);

    let store = open();
    store.migrate(V1).await.expect("migrates back");
    assert_eq!(store.rows(scan(&["status"])).await.expect("readable").rows.len(), 1);
    let refusal = store.migrate(OTHER_KEY).await.expect_err("a key never changes").to_string();
    assert!(refusal.contains("thing"), "{refusal}");
    let key = RowKey { spec: NAME.into(), values: vec!["t".into(), "a".into()] };
    assert_eq!(store.row(&key).await.expect("readable").expect("there").doc.get(), "2");
}
