//! What comes out of a session: order, numbers, resuming.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Method;
use mainstay_core::port::ModelErrorKind;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::{
    ADMIN, Events, Harness, Script, kinds, number, redact, request, result, say, two_tools,
};

#[tokio::test]
async fn a_creation_stream_tells_the_whole_turn_and_ends() {
    let server = Harness::start().await;
    server.models.say([Script::Pieces(vec!["Hel", "lo"])]);
    let body = json!({"environment": {"type": "none"}, "input": "hi", "stream": true});
    let mut events = server.post_stream("/v1/agents/sessions", &body).await;
    assert_eq!(events.headers["content-type"], "text/event-stream");
    let events = events.rest().await;
    let names = kinds(&events);
    let (deltas, others): (Vec<_>, Vec<_>) =
        names.iter().map(String::as_str).partition(|kind| *kind == "turn.output_text.delta");
    assert!(!deltas.is_empty());
    let expected = [
        "created",
        "turn.created",
        "turn.item.added",
        "in_progress",
        "turn.in_progress",
        "turn.item.added",
        "turn.content_part.added",
        "turn.output_text.done",
        "turn.content_part.done",
        "turn.item.done",
        "turn.completed",
        "idle",
    ];
    assert_eq!(others, expected);
    assert_eq!(written(&events), "Hello");
}

/// The text that a client which reads only pieces has.
fn written(events: &[Value]) -> String {
    let pieces =
        events.iter().filter(|event| event["type"] == "agent.session.turn.output_text.delta");
    pieces.filter_map(|event| event["delta"].as_str()).collect()
}

#[tokio::test]
async fn a_creation_stream_without_input_ends_at_once() {
    let server = Harness::start().await;
    let body = json!({"environment": {"type": "none"}, "stream": true});
    let events = server.post_stream("/v1/agents/sessions", &body).await.rest().await;
    assert_eq!(kinds(&events), ["created"]);
    assert_eq!(events[0]["session"]["status"], "idle");
}

#[tokio::test]
async fn the_events_of_a_turn_with_tools() {
    let server = Harness::start().await;
    server.models.say([
        Script::calls(&[
            ("call_a", "files", r#"{"path":"a"}"#),
            ("call_b", "lookup", r#"{"id":7}"#),
        ]),
        Script::text("All done."),
    ]);
    let session = server.session(json!({"agent": two_tools()})).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    let mut events = server.stream(&path).await;
    server.post(&path, &say("go")).await;
    let mut all = events.until_kind("agent.session.requires_action").await;
    let turn = all[0]["turn_id"].as_str().expect("a turn").to_owned();
    let reply = server.post(&path, &result(&turn, "call_b", "seven")).await;
    assert_eq!((reply.status.as_u16(), reply.body), (202, Value::Null));
    all.extend(events.until_kind("agent.session.idle").await);
    insta::assert_json_snapshot!("turn_with_tools", redact(&json!(all)));
}

#[tokio::test]
async fn a_stream_resumes_behind_any_number_without_gap_or_duplicate() {
    let server = Harness::start().await;
    let session = worked(&server).await;
    check_resumes(&server, &session).await;
}

#[tokio::test]
async fn a_stream_resumes_where_turns_queue() {
    let server = Harness::start().await;
    server.models.say([
        Script::calls(&[("call_b", "lookup", r#"{"id":7}"#)]),
        Script::text("One."),
        Script::text("Two."),
        Script::text("Three."),
    ]);
    let session = server.session(json!({"agent": two_tools()})).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    let mut events = server.stream(&path).await;
    server.post(&path, &say("go")).await;
    let seen = events.until_kind("agent.session.requires_action").await;
    for text in ["second", "third"] {
        let mut queued = say(text);
        queued["events"][0]["mode"] = json!("queue");
        assert_eq!(server.post(&path, &queued).await.status, 202);
    }
    let turn = seen[0]["turn_id"].as_str().expect("a turn").to_owned();
    server.post(&path, &result(&turn, "call_b", "seven")).await;
    events.until_kind("agent.session.idle").await;
    let all = check_resumes(&server, &session).await;
    let completed = kinds(&all).iter().filter(|kind| *kind == "turn.completed").count();
    assert_eq!(completed, 3);
}

/// A stream that goes on behind any event is the rest of the whole stream, in all that events say.
async fn check_resumes(server: &Harness, session: &str) -> Vec<Value> {
    let all = server.history(session).await;
    let ids: std::collections::BTreeSet<_> =
        all.iter().map(|event| event["event_id"].to_string()).collect();
    assert_eq!(ids.len(), all.len(), "ids are unique");
    assert!(all.is_sorted_by_key(number), "numbers grow");
    for (index, event) in all.iter().enumerate().take(all.len() - 1) {
        let after = number(event);
        let path = format!("/v1/agents/sessions/{session}/events?starting_after={after}");
        let last = number(all.last().expect("there are events"));
        let rest = server.stream(&path).await.until(|event| number(event) == last).await;
        assert_eq!(rest, all[index + 1..], "behind {after}");
        let rest = resumed(server, session, after).await.until(|event| number(event) == last).await;
        assert_eq!(rest, all[index + 1..], "Last-Event-ID {after}");
    }
    all
}

async fn resumed(server: &Harness, session: &str, last_event_id: u64) -> Events {
    let path = format!("/v1/agents/sessions/{session}/events");
    let mut request = request(Method::GET, &path, ADMIN, Body::empty());
    request.headers_mut().insert("last-event-id", last_event_id.into());
    Events::of(server.send(request).await)
}

/// A session at rest with two turns, a tool of each kind, and reasoning.
async fn worked(server: &Harness) -> String {
    server.models.say([
        Script::calls(&[("call_a", "files", "{}"), ("call_b", "lookup", r#"{"id":7}"#)]),
        Script::Pieces(vec!["One ", "answer."]),
        Script::text("Another."),
    ]);
    let session = server.session(json!({"agent": two_tools()})).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    let mut events = server.stream(&path).await;
    server.post(&path, &say("go")).await;
    let seen = events.until_kind("agent.session.requires_action").await;
    let turn = seen[0]["turn_id"].as_str().expect("a turn").to_owned();
    server.post(&path, &result(&turn, "call_b", "seven")).await;
    events.until_kind("agent.session.idle").await;
    server.post(&path, &say("more")).await;
    events.until_kind("agent.session.idle").await;
    session
}

#[tokio::test]
async fn a_restart_changes_no_event() {
    let server = Harness::start().await;
    let session = worked(&server).await;
    let before = server.history(&session).await;
    let server = server.restart().await;
    assert_eq!(server.history(&session).await, before);
}

#[tokio::test]
async fn usage_is_as_it_was_at_each_event() {
    let server = Harness::start().await;
    let session = worked(&server).await;
    let events = server.history(&session).await;
    let shown = events.iter().filter(|event| {
        event["type"].as_str().is_some_and(|kind| {
            matches!(
                kind,
                "agent.session.in_progress"
                    | "agent.session.requires_action"
                    | "agent.session.idle"
            )
        })
    });
    let steps: Vec<u64> = shown
        .map(|event| event["session"]["usage"]["total_tokens"].as_u64().unwrap_or(0) / 110)
        .collect();
    assert_eq!(steps, [0, 1, 1, 2, 2, 3]);
    // The same numbers when only the end is read.
    let path = |after: u64| format!("/v1/agents/sessions/{session}/events?starting_after={after}");
    let last = events.last().expect("there are events");
    let rest = server.stream(&path(number(last) - 1)).await.until(|_| true).await;
    assert_eq!(&rest[0], last);
}

#[tokio::test]
async fn a_live_stream_begins_now() {
    let server = Harness::start().await;
    let session = worked(&server).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    let mut events = server.stream(&path).await;
    server.post(&path, &say("again")).await;
    let seen = events.until_kind("agent.session.idle").await;
    assert_eq!(seen[0]["type"], "agent.session.turn.created");
}

#[tokio::test]
async fn who_comes_in_the_middle_of_an_answer_gets_the_text_so_far() {
    let server = Harness::start().await;
    let release = Arc::new(Notify::new());
    server.models.say([Script::Held(vec!["One ", "two "], release.clone(), vec!["three"])]);
    let session = server.session(json!({})).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    let mut first = server.stream(&path).await;
    server.post(&path, &say("count")).await;
    let mut seen = first.until(|event| event["delta"] == "two ").await;
    let behind = first.last_id.expect("the turn's beginning has ids");
    let mut second = server.stream(&format!("{path}?starting_after={behind}")).await;
    let mut late =
        second.until(|event| event["type"] == "agent.session.turn.output_text.delta").await;
    assert_eq!(
        kinds(&late),
        ["turn.item.added", "turn.content_part.added", "turn.output_text.delta"]
    );
    assert_eq!(late[2]["delta"], "One two ");
    release.notify_one();
    seen.extend(first.until_kind("agent.session.idle").await);
    late.extend(second.until_kind("agent.session.idle").await);
    assert_eq!(
        (written(&seen), written(&late)),
        ("One two three".to_owned(), "One two three".to_owned())
    );
    let done = |events: &[Value]| {
        let done = events.iter().filter(|event| event["type"] == "agent.session.turn.item.done");
        done.cloned().collect::<Vec<_>>()
    };
    assert_eq!(done(&seen), done(&late));
}

#[tokio::test]
async fn what_a_failed_attempt_wrote_is_taken_back() {
    let server = Harness::start().await;
    server.models.say([
        Script::Broken(vec!["Never "], ModelErrorKind::Unavailable),
        Script::Pieces(vec!["Always"]),
    ]);
    let session = server.session(json!({})).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    let mut events = server.stream(&path).await;
    server.post(&path, &say("go")).await;
    let void = events.until_kind("agent.session.turn.item.done").await;
    let (begun, ended) = (&void[void.len() - 4]["item"], &void[void.len() - 1]["item"]);
    assert_eq!((&begun["status"], &ended["status"]), (&json!("in_progress"), &json!("incomplete")));
    assert_eq!(begun["id"], ended["id"]);
    server.clock.advance(2_000);
    let whole = events.until_kind("agent.session.idle").await;
    assert_eq!(written(&whole), "Always");
    let kept = whole.iter().find(|event| event["type"] == "agent.session.turn.item.done");
    let kept = &kept.expect("the answer ends")["item"];
    assert_eq!((&kept["status"], &kept["phase"]), (&json!("completed"), &json!("final_answer")));
    assert_ne!(kept["id"], ended["id"]);
}

#[tokio::test]
async fn a_quiet_stream_says_that_it_is_alive() {
    let server = Harness::start().await;
    let session = server.session(json!({})).await;
    let mut events = server.stream(&format!("/v1/agents/sessions/{session}/events")).await;
    // The stream waits on the clock only once it is read: the clock moves until it answers.
    let clock = server.clock.clone();
    let comment = tokio::select! {
        comment = events.comment() => comment,
        () = async { loop { clock.advance(15_000); tokio::task::yield_now().await; } } => unreachable!("the clock moves for ever"),
    };
    assert!(comment.starts_with(": keep-alive\n"), "{comment:?}");
    assert!(!comment.contains("\n\n"), "an empty line would be an event to the official clients");
}

#[tokio::test]
async fn an_event_that_is_not_there_yet_is_no_cursor() {
    let server = Harness::start().await;
    let session = server.session(json!({})).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    let reply = server.get(&format!("{path}?starting_after=900")).await;
    assert_eq!(reply.refusal(), (400, "invalid_cursor", "starting_after"));
    let mut request = request(Method::GET, &path, ADMIN, Body::empty());
    request.headers_mut().insert("last-event-id", "x".parse().expect("plain"));
    assert_eq!(server.call(request).await.refusal(), (400, "invalid_cursor", "Last-Event-ID"));
}
