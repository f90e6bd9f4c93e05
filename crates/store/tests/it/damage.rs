//! Data that was changed from outside: found, named, never passed on.

use std::path::Path;

use mainstay_store::conformance::{Chain, note};
use mainstay_store::{Direction, EntryRange, SqliteOptions, SqliteStore, Store, StoreError};

use crate::support::{crash_image, entries, folder, noted, open, text};

fn refusal(folder: &Path) -> String {
    let refused = SqliteStore::open(&SqliteOptions::new(folder)).expect_err("must be refused");
    refused.to_string()
}

/// Where the log's last frame ends: behind it are the zeros that were reserved.
fn log_end(log: &[u8]) -> usize {
    log.iter().rposition(|byte| *byte != 0).expect("frames") + 1
}

#[tokio::test]
async fn a_log_that_lost_acknowledged_entries_is_found() {
    type Spoil = fn(&mut Vec<u8>);
    let spoils: &[(&str, Spoil)] = &[
        ("cut in the middle", |log| log.truncate(log_end(log) / 2)),
        ("cut in its last frame", |log| log.truncate(log_end(log) - 1)),
        ("one bit turned", |log| {
            let middle = log_end(log) / 2;
            log[middle] ^= 1;
        }),
        ("emptied", Vec::clear),
    ];
    let home = folder();
    let store = open(home.path()).await;
    let mut chain = Chain::new("ses_a");
    for _ in 0..20 {
        store.commit(noted(&mut chain, &text(700))).await.expect("committed");
    }
    for (name, spoil) in spoils {
        let image = crash_image(home.path());
        let log = image.path().join("mainstay.db-wal");
        let mut bytes = std::fs::read(&log).expect("readable");
        spoil(&mut bytes);
        std::fs::write(&log, bytes).expect("written");
        let refused = refusal(image.path());
        let expected = [
            "mainstay.db",
            "lost acknowledged entries",
            "entry 20 of journal ses_a",
            "acknowledged",
        ];
        assert!(expected.iter().all(|part| refused.contains(part)), "{name}: {refused}");

        // What stands before the damage is intact, for whoever accepts the loss.
        std::fs::remove_file(image.path().join("acknowledged")).expect("removed");
        let left = open(image.path()).await;
        let found = entries(&left, "ses_a").await.expect("verifies");
        assert!(found.len() < 20, "{name}");
        let row = left.row(&note("ses_a", "").key).await.expect("readable");
        let noted_seq =
            row.map_or(0, |row| row.read::<String>().expect("a text").parse().expect("a number"));
        assert_eq!(noted_seq, found.len(), "{name}: rows and entries fall together");
    }
    let image = crash_image(home.path());
    let whole = open(image.path()).await;
    assert_eq!(
        entries(&whole, "ses_a").await.expect("verifies").len(),
        20,
        "an unspoilt image is whole"
    );
}

#[tokio::test]
async fn entries_changed_from_outside_are_corrupt_at_their_position() {
    let cases: &[(&str, &str, u64)] = &[
        ("payload", "UPDATE journal SET payload = '\"forged\"' WHERE position & 0xff = 5", 5),
        ("time", "UPDATE journal SET at = at + 1 WHERE position & 0xff = 5", 5),
        ("hash", "UPDATE journal SET hash = zeroblob(32) WHERE position & 0xff = 5", 5),
        ("removed", "DELETE FROM journal WHERE position & 0xff = 5", 5),
        (
            "swapped",
            "UPDATE journal SET payload = '6', hash = (SELECT hash FROM journal WHERE position & 0xff = 6) WHERE position & 0xff = 5",
            5,
        ),
        ("not JSON", "UPDATE journal SET payload = '{' WHERE position & 0xff = 5", 5),
        ("not a hash", "UPDATE journal SET hash = x'00' WHERE position & 0xff = 5", 5),
    ];
    for (name, sql, seq) in cases {
        let home = folder();
        let store = open(home.path()).await;
        let mut chain = Chain::new("ses_a");
        store
            .commit(chain.commit(&["1", "2", "3", "4", "5", "6", "7", "8"]))
            .await
            .expect("committed");
        let tool = rusqlite::Connection::open(home.path().join("mainstay.db")).expect("opens");
        tool.execute_batch(sql).expect("changed");

        let journal = chain.journal.clone();
        for direction in [Direction::Ascending, Direction::Descending] {
            let after = if direction == Direction::Ascending { 0 } else { u64::MAX };
            let range = EntryRange { after, direction, limit_count: 100 };
            let error = store.entries(&journal, range).await.expect_err("must be found");
            let StoreError::Corrupt { what, at } = &error else { panic!("{name}: {error}") };
            assert!(what.contains("ses_a"), "{name}: {what}");
            assert_eq!(at, &Some((journal.clone(), *seq)), "{name}");
        }
        let before = store.entries(&journal, EntryRange::following(0, 4)).await.expect("intact");
        assert_eq!(before.len(), 4, "{name}");
        let behind = store.entries(&journal, EntryRange::following(6, 9)).await.expect("intact");
        assert_eq!(behind.len(), 2, "{name}");
    }
}

#[tokio::test]
async fn a_corrupt_page_is_named() {
    let home = folder();
    let database = home.path().join("mainstay.db");
    let store = open(home.path()).await;
    let mut chain = Chain::new("ses_a");
    for seq in 1..=40 {
        let payload = if seq == 5 { "\"find me\"" } else { &text(700) };
        store.commit(noted(&mut chain, payload)).await.expect("committed");
    }
    drop(store);
    let mut bytes = std::fs::read(&database).expect("readable");
    let at = bytes.windows(7).position(|window| window == b"find me").expect("the page of entry 5");
    bytes[at / 512 * 512..][..64].fill(0xff);
    std::fs::write(&database, bytes).expect("written");

    let store = open(home.path()).await;
    let error = entries(&store, "ses_a").await.expect_err("must be found");
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("mainstay.db"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let home = folder();
    drop(open(home.path()).await);
    let database = home.path().join("mainstay.db");
    let mut bytes = std::fs::read(&database).expect("readable");
    bytes[..100].fill(b'x');
    std::fs::write(&database, bytes).expect("written");
    let refused = refusal(home.path());
    assert!(refused.contains("corrupt") && refused.contains("mainstay.db"), "{refused}");
}

#[tokio::test]
async fn rows_blobs_and_schemas_that_cannot_be_read_are_refused() {
    let home = folder();
    let store = open(home.path()).await;
    store.commit(noted(&mut Chain::new("ses_a"), "1")).await.expect("committed");
    let journal = "ses_a".into();
    let (small, large) = (b"kept".to_vec(), vec![7; 100_000]);
    let mut hashes = Vec::new();
    for bytes in [&small, &large] {
        hashes.push(store.put_blob(&journal, bytes).await.expect("kept"));
    }
    let tool = rusqlite::Connection::open(home.path().join("mainstay.db")).expect("opens");
    tool.execute_batch(
        "UPDATE row_note SET doc = '{'; UPDATE blobs SET bytes = 'KEPT' WHERE bytes IS NOT NULL;
        UPDATE meta SET value = 99 WHERE name = 'schema_version'",
    )
    .expect("changed");
    let row = store.row(&note("ses_a", "").key).await;
    assert!(matches!(row, Err(StoreError::Corrupt { .. })), "{row:?}");

    let hash = &hashes[1];
    let blob = home.path().join("blobs").join(&hash[..2]).join(&hash[2..4]).join(hash);
    std::fs::write(blob, b"KEPT").expect("written");
    for hash in &hashes {
        let blob = store.blob(&journal, hash).await;
        assert!(matches!(blob, Err(StoreError::Corrupt { .. })), "{blob:?}");
    }

    drop(store);
    let refused = refusal(home.path());
    assert!(refused.contains("schema version 99") && refused.contains("mainstay.db"), "{refused}");
}
