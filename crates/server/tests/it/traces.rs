//! Traces: each turn's spans, made from its journal.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Method;
use mainstay_core::port::{ModelErrorKind, ModelOutput};
use serde_json::{Value, json};

use crate::support::{
    Harness, STRANGER, Script, events, kinds, redact, request, result, say, two_tools,
};

fn call(id: &str, name: &str, arguments: &str) -> ModelOutput {
    let (call_id, name) = (id.to_owned(), name.to_owned());
    ModelOutput::ToolCall { call_id, name, arguments: arguments.to_owned() }
}

/// The traces of a session, newest first.
async fn traces(server: &Harness, session: &str) -> Vec<Value> {
    let reply = server.get(&format!("/v1/agents/sessions/{session}/traces")).await;
    assert_eq!(reply.status.as_u16(), 200, "{}", reply.body);
    reply.body["data"].as_array().expect("a list").clone()
}

fn spans(trace: &Value) -> Vec<Value> {
    let spans = &trace["otlp"]["resourceSpans"][0]["scopeSpans"][0]["spans"];
    spans.as_array().expect("spans").clone()
}

fn text<'v>(span: &'v Value, member: &str) -> &'v str {
    span[member].as_str().unwrap_or_default()
}

fn nanos(span: &Value, member: &str) -> u128 {
    text(span, member).parse().expect("a number as text")
}

/// Spans as an indented tree, with what is known of each; every span lies within its parent.
fn tree(trace: &Value) -> String {
    let spans = spans(trace);
    let known: BTreeMap<&str, &Value> =
        spans.iter().map(|span| (text(span, "spanId"), span)).collect();
    assert_eq!(known.len(), spans.len(), "ids differ");
    for span in &spans {
        assert_eq!(text(span, "traceId").len(), 32);
        assert_eq!(text(span, "traceId"), text(&spans[0], "traceId"));
        assert_eq!(text(span, "spanId").len(), 16);
        if let Some(parent) = known.get(text(span, "parentSpanId")) {
            assert!(nanos(parent, "startTimeUnixNano") <= nanos(span, "startTimeUnixNano"));
            assert!(nanos(span, "endTimeUnixNano") <= nanos(parent, "endTimeUnixNano"));
        }
    }
    let mut shown = String::new();
    let roots = spans.iter().filter(|span| !known.contains_key(text(span, "parentSpanId")));
    for root in roots {
        branch(root, &spans, 0, &mut shown);
    }
    redact(&Value::String(shown)).as_str().expect("a text").to_owned()
}

fn branch(span: &Value, spans: &[Value], depth: usize, shown: &mut String) {
    let indent = "  ".repeat(depth);
    let ms = (nanos(span, "endTimeUnixNano") - nanos(span, "startTimeUnixNano")) / 1_000_000;
    let (name, kind, status) = (text(span, "name"), &span["kind"], &span["status"]);
    shown.push_str(&format!("{indent}{name} (kind {kind}, {ms} ms) {status}\n"));
    for attribute in span["attributes"].as_array().expect("attributes") {
        shown.push_str(&format!("{indent}  . {} {}\n", text(attribute, "key"), attribute["value"]));
    }
    for event in span["events"].as_array().into_iter().flatten() {
        shown.push_str(&format!("{indent}  ! {}\n", text(event, "name")));
    }
    for child in spans.iter().filter(|child| child["parentSpanId"] == span["spanId"]) {
        branch(child, spans, depth + 1, shown);
    }
}

#[tokio::test]
async fn a_turn_is_a_tree_of_spans() {
    let server = Harness::start().await;
    let said = ModelOutput::Message { text: "Looking.".to_owned() };
    let files = call("call_a", "files", "{}");
    let lookup = call("call_b", "lookup", r#"{"id":1}"#);
    let unknown = call("call_c", "nothing", "{}");
    server.models.say([
        Script::Outputs(vec![said, files, lookup, unknown]),
        Script::calls(&[("call_d", "lookup", r#"{"id":2}"#)]),
        Script::text("Done."),
    ]);
    let session = server.session(json!({"agent": two_tools()})).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    let mut stream = server.stream(&path).await;
    server.post(&path, &say("go")).await;
    let seen = stream.until_kind("agent.session.requires_action").await;
    let turn = seen[0]["turn_id"].as_str().expect("a turn").to_owned();
    server.clock.advance(2_000);
    // Of an open turn, what has ended is shown, and nothing of it changes afterwards.
    let early = spans(&traces(&server, &session).await[0]);
    let names: Vec<_> = early.iter().map(|span| text(span, "name")).collect();
    assert_eq!(names, ["chat scripted", "execute_tool files"]);
    server.post(&path, &result(&turn, "call_b", "one")).await;
    stream.until_kind("agent.session.requires_action").await;
    server.clock.advance(500);
    let failed = json!({"type": "agent.session.input.tool_result", "turn_id": turn,
        "call_id": "call_d", "success": false, "error": "no such id"});
    server.post(&path, &events(&json!([failed]))).await;
    stream.until_kind("agent.session.idle").await;
    let traces = traces(&server, &session).await;
    assert_eq!(traces.len(), 1);
    assert_eq!(traces[0]["id"], turn.as_str());
    assert_eq!(traces[0]["object"], "agent.session.trace");
    assert_eq!(traces[0]["session_id"], session.as_str());
    assert_eq!(spans(&traces[0])[..2], early);
    insta::assert_snapshot!(tree(&traces[0]));
    let resource = &traces[0]["otlp"]["resourceSpans"][0]["resource"];
    assert_eq!(
        resource["attributes"][0],
        json!({"key": "service.name", "value": {"stringValue": "mainstay"}})
    );
}

#[tokio::test]
async fn a_turn_that_failed_says_why() {
    let server = Harness::start().await;
    server.models.say([Script::Broken(vec!["Half "], ModelErrorKind::Refused)]);
    let agent = json!({"model": "scripted", "name": "Clerk"});
    let agent = server.post("/v1/agents", &agent).await.text("id");
    let session = json!({"agent_id": agent, "environment": {"type": "none"}});
    let session = server.post("/v1/agents/sessions", &session).await.text("id");
    let path = format!("/v1/agents/sessions/{session}/events");
    let mut stream = server.stream(&path).await;
    server.post(&path, &say("go")).await;
    let seen = stream.until_kind("agent.session.idle").await;
    assert!(kinds(&seen).contains(&"turn.failed".to_owned()));
    insta::assert_snapshot!(tree(&traces(&server, &session).await[0]));
}

#[tokio::test]
async fn traces_are_listed_page_by_page() {
    let server = Harness::start().await;
    let session = server.session(json!({})).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    let mut stream = server.stream(&path).await;
    for _ in 0..3 {
        server.post(&path, &say("go")).await;
        stream.until_kind("agent.session.idle").await;
    }
    let list = format!("/v1/agents/sessions/{session}/traces");
    let all = server.get(&format!("{list}?order=asc")).await.body;
    let ids: Vec<&str> =
        all["data"].as_array().expect("a list").iter().map(|one| text(one, "id")).collect();
    assert_eq!(ids.len(), 3);
    let page = server.get(&format!("{list}?order=asc&limit=2")).await.body;
    assert_eq!((&page["has_more"], &page["last_id"]), (&json!(true), &json!(ids[1])));
    let rest = server.get(&format!("{list}?order=asc&limit=2&after={}", ids[1])).await.body;
    assert_eq!((&rest["has_more"], &rest["data"][0]), (&json!(false), &all["data"][2]));
    for (query, code, param) in [
        ("after=turn_none", "invalid_cursor", "after"),
        ("limit=101", "invalid_parameter", "limit"),
        ("colour=red", "unknown_parameter", "colour"),
    ] {
        assert_eq!(server.get(&format!("{list}?{query}")).await.refusal(), (400, code, param));
    }
    assert_eq!(server.get("/v1/agents/sessions/ses_none/traces").await.refusal().0, 404);
    let stranger = request(Method::GET, &list, STRANGER, Body::empty());
    assert_eq!(server.call(stranger).await.refusal().0, 404);
}
