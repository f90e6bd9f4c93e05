//! Reading journals.

use mainstay_protocol::Hash;

use crate::conformance::Chain;
use crate::conformance::suite::Tested;
use crate::{Direction, EntryRange};

pub(super) async fn ranges_go_both_ways(store: Tested) {
    let mut chain = Chain::new("ses_a");
    for _ in 0..5 {
        store.commit(chain.commit(&["1", "2"])).await.expect("committed");
    }
    // A neighbour on either side, whose entries must not be seen.
    for other in ["ses_0", "ses_b"] {
        store.commit(Chain::new(other).commit(&["1"])).await.expect("committed");
    }
    use Direction::{Ascending, Descending};
    let cases: &[(u64, Direction, usize, &[u64])] = &[
        (0, Ascending, 3, &[1, 2, 3]),
        (3, Ascending, 2, &[4, 5]),
        (8, Ascending, 100, &[9, 10]),
        (10, Ascending, 100, &[]),
        (11, Ascending, 100, &[]),
        (u64::MAX, Ascending, 100, &[]),
        (0, Ascending, 0, &[]),
        (u64::MAX, Descending, 3, &[10, 9, 8]),
        (11, Descending, 1, &[10]),
        (4, Descending, 100, &[3, 2, 1]),
        (4, Descending, 3, &[3, 2, 1]),
        (1, Descending, 100, &[]),
        (0, Descending, 100, &[]),
        (5, Descending, 0, &[]),
        (0, Ascending, usize::MAX, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    ];
    for &(after, direction, limit_count, expected) in cases {
        let range = EntryRange { after, direction, limit_count };
        let found = store.entries(&chain.journal, range).await.expect("readable");
        let found: Vec<_> = found.iter().map(|entry| entry.seq).collect();
        assert_eq!(found, expected, "after {after}, {direction:?}, {limit_count}");
    }
}

pub(super) async fn entries_come_back_as_they_were_sealed(store: Tested) {
    let mut chain = Chain::new("control:ten_1");
    let payloads = [r#"{"a":1.5,"b":[null,true]}"#, r#""quote \" and ü and \u0000""#, "{}"];
    let mut commit = chain.commit(&payloads);
    store.commit(commit.clone()).await.expect("committed");
    let found =
        store.entries(&chain.journal, EntryRange::following(0, 10)).await.expect("readable");
    let mut previous = (0, Hash::ZERO);
    for (entry, sealed) in found.iter().zip(commit.entries.drain(..)) {
        entry.verify_after(previous.0, previous.1).expect("verifies");
        let texts = [entry, &sealed].map(|e| serde_json::to_string(e).expect("serialises"));
        assert_eq!(texts[0], texts[1]);
        previous = (entry.seq, entry.hash);
    }
    assert_eq!(found.len(), payloads.len());
}
