//! A session's journal over HTTP.

use axum::body::Body;
use axum::http::Method;
use mainstay_protocol::{Entry, Hash};
use serde_json::{Value, json};

use crate::support::{ADMIN, Harness, request, say};

async fn worked(server: &Harness) -> String {
    let session = server.session(json!({})).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    let mut stream = server.stream(&path).await;
    server.post(&path, &say("go")).await;
    stream.until_kind("agent.session.idle").await;
    session
}

fn verify(entries: &[Entry]) {
    let mut last = (0, Hash::ZERO);
    for entry in entries {
        entry.verify_after(last.0, last.1).expect("the chain holds");
        last = (entry.seq, entry.hash);
    }
}

#[tokio::test]
async fn pages_and_lines_prove_the_same_journal() {
    let server = Harness::start().await;
    let session = worked(&server).await;
    let path = format!("/v1/agents/sessions/{session}/journal");
    let mut paged: Vec<Value> = Vec::new();
    let mut after = 0;
    loop {
        let page = server.get(&format!("{path}?limit=2&after={after}")).await.body;
        paged.extend(page["data"].as_array().expect("a list").iter().cloned());
        if page["has_more"] == false {
            break;
        }
        after = page["last_seq"].as_u64().expect("a position");
    }
    let mut lines = request(Method::GET, &path, ADMIN, Body::empty());
    lines.headers_mut().insert("accept", "application/x-ndjson".parse().expect("plain"));
    let reply = server.call(lines).await;
    assert_eq!(reply.header("content-type"), "application/x-ndjson");
    let Value::String(text) = reply.body else {
        panic!("lines are no JSON value: {:?}", reply.body)
    };
    let entries: Vec<Entry> =
        text.lines().map(|line| serde_json::from_str(line).expect("an entry")).collect();
    verify(&entries);
    let same: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(same, paged);
    let kinds: Vec<&str> = entries.iter().map(|entry| entry.kind.as_ref()).collect();
    assert_eq!(
        kinds,
        ["session.created", "input.received", "effect.requested", "effect.completed", "turn.ended"]
    );
}

#[tokio::test]
async fn questions_to_a_journal_that_make_no_sense() {
    let server = Harness::start().await;
    let session = worked(&server).await;
    let path = format!("/v1/agents/sessions/{session}/journal");
    for (query, code, param) in [
        ("limit=0", "invalid_parameter", "limit"),
        ("limit=1001", "invalid_parameter", "limit"),
        ("after=x", "invalid_parameter", "after"),
        ("order=asc", "unknown_parameter", "order"),
    ] {
        assert_eq!(
            server.get(&format!("{path}?{query}")).await.refusal(),
            (400, code, param),
            "{query}"
        );
    }
    let beyond = server.get(&format!("{path}?after=99")).await.body;
    assert_eq!(beyond, json!({"object": "list", "data": [], "has_more": false, "last_seq": null}));
}
