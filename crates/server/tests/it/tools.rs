//! Calls of tools: the client's and the server's, answered, refused, cancelled.

use mainstay_core::port::{ToolError, ToolOutput, WorldChange};
use serde_json::{Value, json};

use crate::support::{Events, Harness, Script, cancel, events, kinds, result, say, two_tools};

/// A session that waits for the calls that its model asks for; and its turn and stream.
async fn waiting(server: &Harness, calls: &[(&str, &str, &str)]) -> (String, String, Events) {
    server.models.say([Script::calls(calls)]);
    let session = server.session(json!({"agent": two_tools()})).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    let mut stream = server.stream(&path).await;
    server.post(&path, &say("go")).await;
    let seen = stream.until_kind("agent.session.requires_action").await;
    let turn = seen[0]["turn_id"].as_str().expect("a turn").to_owned();
    (path, turn, stream)
}

fn items(events: &[Value], kind: &str) -> Vec<Value> {
    let of_kind = events.iter().filter(|event| event["type"] == kind);
    of_kind.map(|event| event["item"].clone()).collect()
}

const ADDED: &str = "agent.session.turn.item.added";
const DONE: &str = "agent.session.turn.item.done";

#[tokio::test]
async fn two_calls_of_the_client_are_answered_one_by_one() {
    let server = Harness::start().await;
    let calls = [("call_a", "lookup", r#"{"id":1}"#), ("call_b", "lookup", r#"{"id":2}"#)];
    let (path, turn, mut stream) = waiting(&server, &calls).await;
    let session = path.strip_suffix("/events").expect("a session's path");
    let open = async || {
        let actions = server.get(session).await.body["required_actions"].clone();
        let actions = actions.as_array().expect("a list").clone();
        actions.iter().map(|action| action["call_id"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(open().await.len(), 2);
    assert_eq!(server.post(&path, &result(&turn, "call_b", "two")).await.status.as_u16(), 202);
    assert_eq!(open().await, ["\"call_a\""]);
    let failed = json!({"type": "agent.session.input.tool_result", "turn_id": turn, "call_id": "call_a",
        "success": false, "error": "no such id"});
    assert_eq!(server.post(&path, &events(&json!([failed]))).await.status.as_u16(), 202);
    let seen = stream.until_kind("agent.session.idle").await;
    let outputs = items(&seen, ADDED);
    assert_eq!(
        (&outputs[0]["output"], &outputs[0]["status"]),
        (&json!("two"), &json!("completed"))
    );
    assert_eq!(
        (&outputs[1]["error"], &outputs[1]["status"]),
        (&json!("no such id"), &json!("failed"))
    );
    let ends: Vec<_> = items(&seen, DONE).iter().map(|item| item["status"].clone()).collect();
    assert_eq!(ends, ["completed", "failed", "completed"]);
}

#[tokio::test]
async fn a_result_may_be_parts() {
    let server = Harness::start().await;
    let (path, turn, mut stream) = waiting(&server, &[("call_a", "lookup", r#"{"id":1}"#)]).await;
    let parts = json!([{"type": "input_text", "text": "see"}, {"type": "input_image", "image_url": "https://x.test/a.png"}]);
    let answer = json!({"type": "agent.session.input.tool_result", "turn_id": turn, "call_id": "call_a",
        "success": true, "output": parts});
    server.post(&path, &events(&json!([answer]))).await;
    let seen = stream.until_kind("agent.session.idle").await;
    assert_eq!(items(&seen, ADDED)[0]["output"], parts);
}

#[tokio::test]
async fn a_result_for_what_does_not_wait_is_refused_as_clients_know_it() {
    let server = Harness::start().await;
    let (path, turn, mut stream) = waiting(&server, &[("call_a", "lookup", r#"{"id":1}"#)]).await;
    for (turn, call) in [(turn.as_str(), "call_x"), ("turn_x", "call_a"), (turn.as_str(), "no id!")]
    {
        let reply = server.post(&path, &result(turn, call, "x")).await;
        assert_eq!(reply.refusal(), (400, "invalid_request_error", ""), "{turn} {call}");
        let message = format!("Unknown pending tool call: {call}");
        assert_eq!(reply.body["error"]["message"], message.as_str());
        assert_eq!(reply.header("x-should-retry"), "false");
    }
    assert_eq!(server.post(&path, &result(&turn, "call_a", "x")).await.status.as_u16(), 202);
    let again = server.post(&path, &result(&turn, "call_a", "x")).await;
    assert_eq!(again.refusal(), (409, "call_already_answered", ""));
    assert_eq!(again.header("x-should-retry"), "false");
    stream.until_kind("agent.session.idle").await;
    let usable = server.post(&path, &say("more")).await;
    assert_eq!(usable.status.as_u16(), 202);
    stream.until_kind("agent.session.idle").await;
}

#[tokio::test]
async fn inputs_are_taken_together_or_not_at_all() {
    let server = Harness::start().await;
    let (path, turn, mut stream) = waiting(&server, &[("call_a", "lookup", r#"{"id":1}"#)]).await;
    let good = result(&turn, "call_a", "one")["events"][0].clone();
    let bad = result(&turn, "call_x", "two")["events"][0].clone();
    let reply = server.post(&path, &events(&json!([good, bad]))).await;
    assert_eq!(reply.refusal(), (400, "invalid_request_error", ""));
    assert_eq!(server.post(&path, &events(&json!([good]))).await.status.as_u16(), 202);
    stream.until_kind("agent.session.idle").await;
}

#[tokio::test]
async fn a_cancelled_call_is_incomplete() {
    let server = Harness::start().await;
    let (path, _, mut stream) = waiting(&server, &[("call_a", "lookup", r#"{"id":1}"#)]).await;
    assert_eq!(server.post(&path, &cancel()).await.status.as_u16(), 202);
    let seen = stream.until_kind("agent.session.idle").await;
    assert_eq!(kinds(&seen), ["turn.item.done", "turn.cancelled", "idle"]);
    assert_eq!(seen[0]["item"]["status"], "incomplete");
    let path = path.replace("/events", "/items");
    let listed = server.get(&path).await.body["data"].clone();
    assert_eq!(listed[0], seen[0]["item"]);
    assert_eq!(listed.as_array().expect("a list").len(), 2);
}

#[tokio::test]
async fn a_failed_tool_is_told_to_the_model_and_shown() {
    let server = Harness::start().await;
    server.tools.answer(Ok(ToolOutput::error("no such file")));
    server.tools.answer(Err(ToolError {
        message: "the disk is on fire".to_owned(),
        retryable: false,
        world: WorldChange::No,
        retry_after_ms: None,
        needs: None,
    }));
    server.models.say([
        Script::calls(&[("call_a", "files", r#"{"path":"a"}"#)]),
        Script::calls(&[("call_a", "files", r#"{"path":"b"}"#)]),
        Script::text("I could not."),
    ]);
    let session = server.session(json!({"agent": two_tools()})).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    let mut stream = server.stream(&path).await;
    server.post(&path, &say("go")).await;
    let seen = stream.until_kind("agent.session.idle").await;
    let ends: Vec<_> = items(&seen, DONE)
        .iter()
        .map(|item| (item["status"].clone(), item["error"].clone()))
        .collect();
    let failed = |error: &str| (json!("failed"), json!(error));
    assert_eq!(ends[..2], [failed("no such file"), failed("the tool failed: the disk is on fire")]);
    assert_eq!(server.tools.calls().len(), 2);
}

#[tokio::test]
async fn a_call_of_the_model_that_cannot_be_made_is_not_shown_to_be_run() {
    let server = Harness::start().await;
    let cases = [
        ("nothing", "{}", "there is no tool \"nothing\"; the tools are: files, write_file, lookup"),
        ("lookup", "not json", "arguments are not JSON: expected ident at line 1 column 2"),
        ("lookup", "{}", "\"id\" is missing"),
        ("files", "[]", "arguments must be a JSON object"),
    ];
    for (name, arguments, why) in cases {
        server.models.say([Script::calls(&[("call_a", name, arguments)]), Script::text("Sorry.")]);
        let session = server.session(json!({"agent": two_tools()})).await;
        let path = format!("/v1/agents/sessions/{session}/events");
        let mut stream = server.stream(&path).await;
        server.post(&path, &say("go")).await;
        let seen = stream.until_kind("agent.session.idle").await;
        let run =
            items(&seen, ADDED).into_iter().filter(|item| item["type"] == "function_call").count();
        assert_eq!(run, 0, "{name} {arguments}: clients run a function that they are shown");
        let ended = &items(&seen, DONE)[0];
        assert_eq!(ended["status"], "failed", "{name} {arguments}");
        let told = match ended["type"].as_str() {
            Some("mcp_call") => ended["error"].clone(),
            _ => items(&seen, ADDED)[1]["error"].clone(),
        };
        assert_eq!(told, why, "{name} {arguments}");
        assert_eq!(server.tools.calls().len(), 0);
        let again = server.post(&path, &say("more")).await;
        assert_eq!(again.status.as_u16(), 202, "the session stays usable");
        stream.until_kind("agent.session.idle").await;
    }
}
