use super::*;

#[test]
fn positions_keep_journals_apart() {
    for (number, seq) in [(0, 0), (1, 1), (7, u64::from(u32::MAX)), (1 << 30, 5)] {
        let place = position(number, seq);
        assert_eq!((place >> SEQ_BITS, seq_of(place)), (number, seq));
        assert!(place <= last_position(number) && last_position(number) < position(number + 1, 0));
    }
}

/// What durability rests on, as SQLite itself tells it.
#[test]
fn connections_are_set_up_for_durable_writes_and_reads_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("mainstay.db");
    let (writer, start) = open_writer(&file, None).expect("opens");
    assert_eq!(start, 1);
    let pragma = |name| {
        writer
            .pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
            .expect("readable")
    };
    let cases = [
        ("journal_mode", "wal".to_owned().into()),
        ("synchronous", 2.into()),
        ("journal_size_limit", (-1).into()),
        ("page_size", i64::from(PAGE_SIZE_BYTES).into()),
        ("application_id", APPLICATION_ID.into()),
    ];
    for (name, expected) in cases {
        assert_eq!(pragma(name), expected, "{name}");
    }
    let reader = open_reader(&file).expect("opens");
    let refused = reader.execute_batch("DELETE FROM meta").expect_err("readers cannot write");
    assert_eq!(refused.sqlite_error_code(), Some(rusqlite::ErrorCode::ReadOnly));
    drop((writer, reader));
    assert_eq!(open_writer(&file, None).expect("opens").1, 2);
}

#[test]
fn a_statement_is_planned_once_whatever_is_bound() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("mainstay.db");
    let (_writer, _) = open_writer(&file, None).expect("opens");
    let reader = open_reader(&file).expect("opens");
    let sql = "SELECT kind FROM journal WHERE position > ?1 AND position <= ?2 LIMIT ?3";
    let mut statement = reader.prepare(sql).expect("planned");
    for last in [1, 1_000, i64::MAX] {
        assert!(!statement.exists([last / 2, last, 10]).expect("read"));
    }
    assert_eq!(statement.get_status(rusqlite::StatementStatus::RePrepare), 0);
}
