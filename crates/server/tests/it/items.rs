//! Lists of items: order, pages, calls with their outcomes.

use serde_json::{Value, json};

use crate::support::{Harness, Script, redact, result, say, two_tools};

/// A session with two turns and every kind of item.
async fn worked(server: &Harness) -> String {
    use mainstay_core::port::ModelOutput;
    let call = |id: &str, name: &str, arguments: &str| ModelOutput::ToolCall {
        call_id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    };
    server.models.say([
        Script::Outputs(vec![
            ModelOutput::Reasoning { summary: "Think.".to_owned(), provider_data: None },
            ModelOutput::Message { text: "Looking.".to_owned() },
            call("call_a", "files", r#"{"path":"a"}"#),
            call("call_b", "lookup", r#"{"id":1}"#),
            call("call_c", "lookup", r#"{"id":2}"#),
            call("call_d", "nothing", "{}"),
        ]),
        // Some models name the calls of each reply alike.
        Script::Outputs(vec![call("call_a", "files", r#"{"path":"b"}"#)]),
        Script::text("Found."),
        Script::text("Again."),
    ]);
    let session = server.session(json!({"agent": two_tools()})).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    let mut stream = server.stream(&path).await;
    server.post(&path, &say("go")).await;
    let seen = stream.until_kind("agent.session.requires_action").await;
    let turn = seen[0]["turn_id"].as_str().expect("a turn").to_owned();
    server.post(&path, &result(&turn, "call_c", "two")).await;
    server.post(&path, &result(&turn, "call_b", "one")).await;
    stream.until_kind("agent.session.idle").await;
    server.post(&path, &say("more")).await;
    stream.until_kind("agent.session.idle").await;
    session
}

async fn pages(server: &Harness, path: &str, limit: usize, order: &str) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    let mut after = String::new();
    loop {
        let page = server.get(&format!("{path}?limit={limit}&order={order}{after}")).await.body;
        let data = page["data"].as_array().expect("a list").clone();
        assert!(data.len() <= limit);
        found.extend(data);
        if page["has_more"] == false {
            return found;
        }
        after = format!("&after={}", page["last_id"].as_str().expect("an id"));
    }
}

#[tokio::test]
async fn items_are_the_same_in_pages_of_any_size_and_direction() {
    let server = Harness::start().await;
    let session = worked(&server).await;
    let path = format!("/v1/agents/sessions/{session}/items");
    let all = pages(&server, &path, 100, "asc").await;
    insta::assert_json_snapshot!("items", redact(&json!(all)));
    let newest_first: Vec<Value> = all.iter().rev().cloned().collect();
    for limit in 1..=all.len() + 1 {
        assert_eq!(pages(&server, &path, limit, "asc").await, all, "asc by {limit}");
        assert_eq!(pages(&server, &path, limit, "desc").await, newest_first, "desc by {limit}");
    }
    let turns = server.get(&format!("/v1/agents/sessions/{session}/turns?order=asc")).await.body;
    let mut by_turn = Vec::new();
    for turn in turns["data"].as_array().expect("a list") {
        let path = format!(
            "/v1/agents/sessions/{session}/turns/{}/items",
            turn["id"].as_str().expect("an id")
        );
        let whole = pages(&server, &path, 100, "asc").await;
        for limit in 1..=whole.len() {
            assert_eq!(pages(&server, &path, limit, "asc").await, whole, "turn asc by {limit}");
            let reversed: Vec<Value> = whole.iter().rev().cloned().collect();
            assert_eq!(
                pages(&server, &path, limit, "desc").await,
                reversed,
                "turn desc by {limit}"
            );
        }
        by_turn.extend(whole);
    }
    assert_eq!(by_turn, all);
}

#[tokio::test]
async fn listed_items_are_those_that_events_ended_with() {
    let server = Harness::start().await;
    let session = worked(&server).await;
    let listed = pages(&server, &format!("/v1/agents/sessions/{session}/items"), 100, "asc").await;
    let events = server.history(&session).await;
    let is_final = |event: &&Value| {
        let added = event["type"] == "agent.session.turn.item.added";
        event["type"] == "agent.session.turn.item.done"
            || (added && event["output_index"].is_null())
    };
    let mut shown: Vec<Value> =
        events.iter().filter(is_final).map(|event| event["item"].clone()).collect();
    let by_id = |item: &Value| item["id"].to_string();
    let mut listed = listed;
    shown.sort_by_key(by_id);
    listed.sort_by_key(by_id);
    assert_eq!(shown, listed);
}

#[tokio::test]
async fn a_cursor_that_names_no_item_is_refused() {
    let server = Harness::start().await;
    let session = worked(&server).await;
    let path = format!("/v1/agents/sessions/{session}/items");
    for after in ["item_none", "item_2_0_9_abc", "item_ffff_0_0_abc", "nothing"] {
        let reply = server.get(&format!("{path}?after={after}")).await;
        assert_eq!(reply.refusal(), (400, "invalid_cursor", "after"), "{after}");
    }
}
