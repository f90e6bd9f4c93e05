//! Turns: started, steered, queued, cancelled, listed.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::{Harness, Script, cancel, events, kinds, message, redact, say};

fn queued(text: &str) -> Value {
    let mut queued = message(text);
    queued["mode"] = json!("queue");
    events(&json!([queued]))
}

#[tokio::test]
async fn input_during_a_turn_steers_it_or_waits_behind_it() {
    let server = Harness::start().await;
    let release = Arc::new(Notify::new());
    server.models.say([
        Script::Held(vec!["One"], release.clone(), vec![]),
        Script::text("Steered."),
        Script::text("Queued."),
    ]);
    let session = server.session(json!({})).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    let mut stream = server.stream(&path).await;
    server.post(&path, &say("go")).await;
    stream.until(|event| event["delta"] == "One").await;
    server.post(&path, &say("no, left")).await;
    server.post(&path, &queued("and then")).await;
    release.notify_one();
    let mut seen = stream.until_kind("agent.session.idle").await;
    let said = seen.iter().filter(|event| event["type"] == "agent.session.turn.item.done");
    let phases: Vec<_> = said.map(|event| event["item"]["phase"].clone()).collect();
    assert_eq!(phases, ["commentary", "final_answer"]);
    seen.extend(stream.until_kind("agent.session.idle").await);
    let brief: Vec<String> = seen.iter().map(brief).collect();
    insta::assert_json_snapshot!("steered_and_queued", redact(&json!(brief)));
    let turns = server.get(&format!("/v1/agents/sessions/{session}/turns?order=asc")).await.body;
    let turns = turns["data"].as_array().expect("a list").clone();
    assert_eq!(turns.len(), 2);
    for turn in turns {
        assert_eq!(turn["status"], "completed");
        let id = turn["id"].as_str().expect("an id");
        let path = format!("/v1/agents/sessions/{session}/turns/{id}");
        assert_eq!(server.get(&path).await.body, turn);
        let items = server.get(&format!("{path}/items?order=asc")).await.body;
        let items = items["data"].as_array().expect("a list").clone();
        assert!(items.iter().all(|item| item["turn_id"] == id));
        assert_eq!(items[0]["role"], "user");
        assert_eq!(items[items.len() - 1]["phase"], "final_answer");
    }
}

/// An event in one line: its type, turn and what it says.
fn brief(event: &Value) -> String {
    let kind = &kinds(std::slice::from_ref(event))[0];
    let text = &event["item"]["content"][0]["text"];
    let status = event["turn"]["status"].as_str().unwrap_or_default();
    format!(
        "{kind} {} {} {status}",
        event["turn_id"].as_str().unwrap_or_default(),
        text.as_str().unwrap_or_default()
    )
}

#[tokio::test]
async fn a_queued_turn_starts_after_a_cancelled_one() {
    let server = Harness::start().await;
    server
        .models
        .say([Script::Held(vec!["One"], Arc::new(Notify::new()), vec![]), Script::text("Next.")]);
    let session = server.session(json!({})).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    let mut stream = server.stream(&path).await;
    server.post(&path, &say("go")).await;
    server.post(&path, &queued("and then")).await;
    stream.until(|event| event["delta"] == "One").await;
    server.post(&path, &cancel()).await;
    let seen = stream.until_kind("agent.session.idle").await;
    let seen = kinds(&seen);
    assert_eq!(
        seen.last_chunk::<3>().expect("events"),
        &["turn.item.done", "turn.cancelled", "idle"]
    );
    let seen = stream.until_kind("agent.session.idle").await;
    assert_eq!(kinds(&seen)[..2], ["in_progress", "turn.in_progress"]);
}

#[tokio::test]
async fn cancelling_nothing_changes_nothing() {
    let server = Harness::start().await;
    let session = server.session(json!({})).await;
    let path = format!("/v1/agents/sessions/{session}");
    let before = server.get(&path).await.body;
    assert_eq!(server.post(&format!("{path}/events"), &cancel()).await.status.as_u16(), 202);
    assert_eq!(server.get(&path).await.body, before);
}

#[tokio::test]
async fn turns_are_listed_page_by_page() {
    let server = Harness::start().await;
    let session = server.session(json!({})).await;
    let path = format!("/v1/agents/sessions/{session}");
    let mut stream = server.stream(&format!("{path}/events")).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        server.clock.advance(1);
        server.post(&format!("{path}/events"), &say("go")).await;
        let seen = stream.until_kind("agent.session.idle").await;
        ids.push(seen[0]["turn_id"].clone());
    }
    let mut found: Vec<Value> = Vec::new();
    let mut after = String::new();
    loop {
        let page = server.get(&format!("{path}/turns?limit=2&order=asc{after}")).await.body;
        found
            .extend(page["data"].as_array().expect("a list").iter().map(|turn| turn["id"].clone()));
        if page["has_more"] == false {
            break;
        }
        after = format!("&after={}", page["last_id"].as_str().expect("an id"));
    }
    assert_eq!(found, ids);
    let newest = server.get(&format!("{path}/turns?limit=1")).await.body;
    assert_eq!((&newest["data"][0]["id"], &newest["has_more"]), (&ids[4], &json!(true)));
    let other = server.session(json!({})).await;
    for after in ["turn_none", "no id!"] {
        let reply = server
            .get(&format!("/v1/agents/sessions/{other}/turns?after={}", after.replace(' ', "+")))
            .await;
        assert_eq!(reply.refusal(), (400, "invalid_cursor", "after"), "{after}");
    }
    let foreign = format!("/v1/agents/sessions/{other}/turns/{}", ids[0].as_str().expect("an id"));
    assert_eq!(server.get(&foreign).await.refusal(), (404, "not_found", ""));
}
