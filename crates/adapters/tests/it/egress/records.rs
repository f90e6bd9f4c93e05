//! What is known of connections, over restarts.

use std::sync::Arc;

use mainstay_adapters::sandbox::egress::ConnectionRecords;
use mainstay_core::port::NetworkRule;

use super::support::{Bench, Upstream};

#[tokio::test]
async fn numbers_go_on_and_what_is_in_the_journal_is_forgotten() {
    let upstream = Upstream::plain().await;
    let bench = Bench::reaching(&NetworkRule::Open, &[], &["a.test"]);
    let request = |path: &str| {
        format!("GET http://a.test:{}/{path} HTTP/1.1\r\nHost: a\r\n\r\n", upstream.port)
    };
    for path in ["1", "2"] {
        bench.say(&request(path)).await;
    }
    bench.say("GET http://10.0.0.1/ HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let records = bench.connections(3).await;
    let seen: Vec<_> = records
        .iter()
        .map(|record| (record.number, record.host.as_str(), record.refused.is_some()))
        .collect();
    assert_eq!(seen, [(1, "a.test", false), (2, "a.test", false), (3, "10.0.0.1", true)]);
    assert_eq!(bench.records.after(2).expect("records").len(), 1);
    assert_eq!(bench.records.after(0).expect("records").len(), 1, "the others are forgotten");
    let file = bench.folder.path().join("connections.jsonl");
    let again = ConnectionRecords::open(&file).expect("records");
    assert_eq!(again.after(2).expect("records"), records[2..]);
    assert!(again.after(3).expect("records").is_empty());
    let text = std::fs::read_to_string(&file).expect("it is there");
    assert_eq!(text.lines().count(), 1, "{text}");
}

/// A process that dies leaves its open connections to the next.
#[tokio::test]
async fn what_was_open_at_a_crash_is_handed_out() {
    let upstream = Upstream::plain().await;
    let bench = Bench::reaching(&NetworkRule::Open, &[], &["a.test"]);
    let to = format!("a.test:{}", upstream.port);
    let held = bench.tunnel(&to).await.expect("it is let through");
    let file = bench.folder.path().join("connections.jsonl");
    let copy = bench.folder.path().join("after-the-crash.jsonl");
    let mut text = std::fs::read(&file).expect("it is there");
    text.extend_from_slice(b"{\"type\":\"ended\",\"id\":1,\"conn");
    std::fs::write(&copy, text).expect("it is written");
    let next = Arc::new(ConnectionRecords::open(&copy).expect("records"));
    let records = next.after(0).expect("records");
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].number, records[0].host.as_str()), (1, "a.test"));
    assert_eq!(records[0].refused.as_deref(), Some("the server stopped while it was open"));
    // The machine goes on with the next server, whose numbers follow.
    drop(held);
    assert_eq!(bench.connections(1).await[0].refused, None);
}
