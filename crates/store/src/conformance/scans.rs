//! Scans: order, prefix, cursor.

use std::sync::Arc;

use mainstay_protocol::{RowChange, RowKey};

use crate::conformance::suite::{Tested, assert_refused};
use crate::conformance::{Chain, SPECS, note, thing};
use crate::{Direction, RowScan};

fn scan(index: &[&str], prefix: &[&str], direction: Direction, limit_count: usize) -> RowScan {
    let texts = |list: &[&str]| list.iter().map(|text| Arc::from(*text)).collect();
    let (index, prefix) = (texts(index), texts(prefix));
    RowScan { spec: "thing".into(), index, prefix, after: None, direction, limit_count }
}

/// The last key values of all rows of a scan, page by page.
async fn pages(store: &Tested, mut scan: RowScan) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let page = store.rows(scan.clone()).await.expect("readable");
        assert!(page.rows.len() <= scan.limit_count);
        found.extend(page.rows.iter().map(|row| row.key.values.join("/")));
        let Some(last) = page.rows.last() else {
            assert!(!page.has_more);
            return found;
        };
        if !page.has_more {
            return found;
        }
        assert_eq!(page.rows.len(), scan.limit_count);
        scan.after = Some(last.key.clone());
    }
}

const THINGS: &[([&str; 2], &str, &str, &str)] = &[
    (["t", "a"], "open", "2", "me"),
    (["t", "b"], "open", "1", "me"),
    (["t", "c"], "shut", "1", "you"),
    (["t", "d"], "open", "2", "you"),
    (["t2", "a"], "open", "2", "me"),
    (["t2", ""], "opened", "0", "me"),
    (["t\u{0}", "z"], "open\u{0}", "9", ""),
    (["ü", "é"], "offen", "1", "ich"),
];

async fn filled(store: &Tested) -> Chain {
    let mut chain = Chain::new("ses_a");
    let mut commit = chain.commit(&["1"]);
    let rows = THINGS.iter().zip(0..);
    commit.rows = rows
        .map(|((key, status, updated, owner), i)| {
            RowChange::Put(thing(*key, status, updated, owner, i))
        })
        .collect();
    commit.rows.push(RowChange::Put(note("t", "of another spec")));
    store.commit(commit).await.expect("committed");
    chain
}

pub(super) async fn key_order_pages_without_gap_or_duplicate(store: Tested) {
    filled(&store).await;
    let mut expected = ["t/a", "t/b", "t/c", "t/d", "t\u{0}/z", "t2/", "t2/a", "ü/é"];
    for direction in [Direction::Ascending, Direction::Descending] {
        for limit_count in 1..=9 {
            let found = pages(&store, scan(&[], &[], direction, limit_count)).await;
            assert_eq!(found, expected, "{direction:?}, {limit_count}");
        }
        expected.reverse();
    }
    let none = store.rows(scan(&[], &[], Direction::Ascending, 0)).await.expect("readable");
    assert!(none.rows.is_empty() && none.has_more);
}

pub(super) async fn index_order_breaks_ties_by_key(store: Tested) {
    filled(&store).await;
    let by_status = ["status", "updated"];
    let mut expected = ["ü/é", "t/b", "t/a", "t/d", "t2/a", "t\u{0}/z", "t2/", "t/c"];
    for direction in [Direction::Ascending, Direction::Descending] {
        for limit_count in 1..=9 {
            let found = pages(&store, scan(&by_status, &[], direction, limit_count)).await;
            assert_eq!(found, expected, "{direction:?}, {limit_count}");
        }
        expected.reverse();
    }
}

pub(super) async fn prefixes_hold_exactly(store: Tested) {
    filled(&store).await;
    let by_status: &[&str] = &["status", "updated"];
    let cases: &[(&[&str], &[&str], &[&str])] = &[
        (&[], &["t"], &["t/a", "t/b", "t/c", "t/d"]),
        (&[], &["t2"], &["t2/", "t2/a"]),
        (&[], &["t", "c"], &["t/c"]),
        (&[], &["t", "nothing"], &[]),
        (&[], &[""], &[]),
        (by_status, &["open"], &["t/b", "t/a", "t/d", "t2/a"]),
        (by_status, &["open", "2"], &["t/a", "t/d", "t2/a"]),
        (by_status, &["open", "2", "t"], &["t/a", "t/d"]),
        (by_status, &["open", "2", "t", "d"], &["t/d"]),
        (&["owner"], &["me"], &["t/a", "t/b", "t2/", "t2/a"]),
        (&["owner"], &[""], &["t\u{0}/z"]),
    ];
    for (index, prefix, expected) in cases {
        let mut expected: Vec<_> = expected.to_vec();
        for direction in [Direction::Ascending, Direction::Descending] {
            for limit_count in [1, 2, 10] {
                let found = pages(&store, scan(index, prefix, direction, limit_count)).await;
                assert_eq!(found, expected, "{index:?}, {prefix:?}, {direction:?}, {limit_count}");
            }
            expected.reverse();
        }
    }
}

pub(super) async fn a_put_moves_a_row_in_its_indexes(store: Tested) {
    let mut chain = filled(&store).await;
    let mut commit = chain.commit(&["2"]);
    commit.rows = vec![
        RowChange::Put(thing(["t", "c"], "open", "1", "me", 9)),
        RowChange::Delete(RowKey::new(&SPECS[0], &["t", "b"])),
    ];
    store.commit(commit).await.expect("committed");
    let cases: &[(&[&str], &str, &[&str])] = &[
        (&["status", "updated"], "shut", &[]),
        (&["status", "updated"], "open", &["t/c", "t/a", "t/d", "t2/a"]),
        (&["owner"], "me", &["t/a", "t/c", "t2/", "t2/a"]),
    ];
    for (index, prefix, expected) in cases {
        let found = pages(&store, scan(index, &[prefix], Direction::Ascending, 2)).await;
        assert_eq!(found, *expected, "{index:?} {prefix}");
    }
}

pub(super) async fn cursors_behave_when_their_row_is_gone(store: Tested) {
    let mut chain = filled(&store).await;
    let gone = RowKey::new(&SPECS[0], &["t", "b"]);
    let mut commit = chain.commit(&["2"]);
    commit.rows = vec![RowChange::Delete(gone.clone())];
    store.commit(commit).await.expect("committed");

    let mut by_key = scan(&[], &["t"], Direction::Ascending, 9);
    by_key.after = Some(gone.clone());
    assert_eq!(pages(&store, by_key).await, ["t/c", "t/d"]);
    let mut by_index = scan(&["owner"], &["me"], Direction::Ascending, 9);
    by_index.after = Some(gone);
    assert_refused(store.rows(by_index.clone()).await, "invalid");

    // A cursor beside the prefix stands before or behind all of it.
    let (first, last) = (RowKey::new(&SPECS[0], &["t", "a"]), RowKey::new(&SPECS[0], &["ü", "é"]));
    let cases: &[(&RowKey, Direction, &[&str])] = &[
        (&first, Direction::Ascending, &["t2/", "t2/a"]),
        (&first, Direction::Descending, &[]),
        (&last, Direction::Ascending, &[]),
        (&last, Direction::Descending, &["t2/a", "t2/"]),
    ];
    for (cursor, direction, expected) in cases {
        let mut beside = scan(&[], &["t2"], *direction, 9);
        beside.after = Some((*cursor).clone());
        assert_eq!(pages(&store, beside).await, *expected, "{cursor:?} {direction:?}");
    }
    let mut whole = scan(&[], &["t", "a"], Direction::Ascending, 9);
    whole.after = Some(first);
    assert_eq!(pages(&store, whole).await, [""; 0]);
}

pub(super) async fn wrong_scans_are_invalid(store: Tested) {
    filled(&store).await;
    let ascending = Direction::Ascending;
    let mut unknown = scan(&[], &[], ascending, 1);
    unknown.spec = "unknown".into();
    let mut foreign = scan(&[], &[], ascending, 1);
    foreign.after = Some(note("n", "").key);
    let mut short = scan(&[], &[], ascending, 1);
    short.after = Some(RowKey { spec: "thing".into(), values: vec!["t".into()] });
    let wrong = [
        unknown,
        foreign,
        short,
        scan(&["status"], &[], ascending, 1),
        scan(&["updated", "status"], &[], ascending, 1),
        scan(&[], &["t", "a", "more"], ascending, 1),
        scan(&["owner"], &["me", "t", "a", "more"], ascending, 1),
    ];
    for scan in wrong {
        assert_refused(store.rows(scan).await, "invalid");
    }
}
