//! Chat Completions: answers whole and in chunks, failures, and what is left of them.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use futures::{FutureExt, StreamExt};
use mainstay_core::port::{ModelErrorKind, ModelOutput};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Notify;

use crate::support::{ADMIN, Harness, Reply, STRANGER, Script, redact, request};

const PATH: &str = "/v1/chat/completions";

fn asking(change: &Value) -> Value {
    let mut body = json!({"model": "scripted", "messages": [{"role": "user", "content": "Hi"}]});
    for (member, value) in change.as_object().expect("a change is an object") {
        body[member] = value.clone();
    }
    body
}

/// Asks while the clock moves, for attempts that wait.
async fn ask(server: &Harness, change: &Value) -> Reply {
    let clock = server.clock.clone();
    let body = asking(change);
    tokio::select! {
        reply = server.post(PATH, &body) => reply,
        () = async { loop { clock.advance(100); tokio::task::yield_now().await; } } => unreachable!("the clock moves for ever"),
    }
}

/// An answer or a stream without the ids that differ between two runs.
fn shown(body: &Value) -> String {
    let text = match body {
        Value::String(stream) => stream.clone(),
        answer => serde_json::to_string_pretty(answer).expect("an answer is JSON"),
    };
    let mut parts = text.split("chatcmpl-");
    let first = parts.next().unwrap_or_default().to_owned();
    let text = parts.fold(first, |text, part| text + "chatcmpl-[id]" + &part[26..]);
    redact(&Value::String(text)).as_str().expect("a text stays one").to_owned()
}

fn message(text: &str) -> ModelOutput {
    ModelOutput::Message { text: text.to_owned() }
}

fn call(call_id: &str, name: &str) -> ModelOutput {
    let arguments = r#"{"id":1}"#.to_owned();
    ModelOutput::ToolCall { call_id: call_id.to_owned(), name: name.to_owned(), arguments }
}

fn two_functions() -> Value {
    json!([
        {"type": "function", "function": {"name": "look", "strict": true, "parameters": {"type": "object"}}},
        {"type": "function", "function": {"name": "wait"}},
    ])
}

#[tokio::test]
async fn an_answer_is_text() {
    let server = Harness::start().await;
    server.models.say([Script::Pieces(vec!["One, ", "two."])]);
    let reply = ask(&server, &json!({})).await;
    assert_eq!(reply.status, StatusCode::OK);
    insta::assert_snapshot!(shown(&reply.body));
}

#[tokio::test]
async fn an_answer_is_calls() {
    let server = Harness::start().await;
    let thought = ModelOutput::Reasoning { summary: "Hm.".to_owned(), provider_data: None };
    let outputs = vec![thought, message("Looking."), call("call_1", "look"), call("", "wait")];
    server.models.say([Script::Outputs(outputs)]);
    let reply = ask(&server, &json!({"tools": two_functions()})).await;
    insta::assert_snapshot!(shown(&reply.body["choices"]));
}

#[tokio::test]
async fn an_answer_comes_in_chunks() {
    let server = Harness::start().await;
    server.models.say([Script::Pieces(vec!["One, ", "two."])]);
    let reply =
        ask(&server, &json!({"stream": true, "stream_options": {"include_usage": true}})).await;
    assert_eq!(reply.header("content-type"), "text/event-stream");
    insta::assert_snapshot!(shown(&reply.body));
}

#[tokio::test]
async fn calls_come_in_chunks() {
    let server = Harness::start().await;
    let outputs =
        vec![message("First."), message("Second."), call("call_1", "look"), call("c", "wait")];
    server.models.say([Script::Outputs(outputs)]);
    let reply = ask(&server, &json!({"stream": true, "tools": two_functions()})).await;
    insta::assert_snapshot!(shown(&reply.body));
}

#[tokio::test]
async fn an_attempt_that_failed_is_made_again() {
    let server = Harness::start().await;
    for stream in [false, true] {
        let again = [
            Script::Broken(vec![], ModelErrorKind::RateLimited),
            Script::Broken(vec![], ModelErrorKind::Garbled),
            Script::Broken(vec![], ModelErrorKind::Unavailable),
            Script::text("At last."),
        ];
        server.models.say(again);
        let reply = ask(&server, &json!({"stream": stream})).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        assert!(reply.body.to_string().contains("At last."), "{}", reply.body);
        let requests = server.models.take_requests();
        assert_eq!(requests.len(), 4);
        assert!(requests.iter().all(|request| request.effect == requests[0].effect));
    }
}

#[tokio::test]
async fn the_next_model_answers_when_the_first_does_not() {
    let server = Harness::start().await;
    server.models.say([
        Script::Broken(vec!["Half "], ModelErrorKind::Refused),
        Script::Broken(vec![], ModelErrorKind::Invalid),
        Script::text("Whole."),
    ]);
    let fallback = json!({"mainstay": {"fallback_models": ["second", "third"]}});
    let reply = ask(&server, &fallback).await;
    assert_eq!(reply.body["model"], "third");
    assert_eq!(reply.body["choices"][0]["message"]["content"], "Whole.");
    let asked: Vec<String> =
        server.models.take_requests().iter().map(|request| request.model.to_string()).collect();
    assert_eq!(asked, ["scripted", "second", "third"]);
}

#[tokio::test]
async fn a_failure_has_its_status_whether_streamed_or_not() {
    let server = Harness::start().await;
    for (kind, attempts, expected, retry) in [
        (ModelErrorKind::RateLimited, 4, (429, "model_rate_limited", ""), "true"),
        (ModelErrorKind::Unavailable, 4, (503, "model_unavailable", ""), "true"),
        (ModelErrorKind::Garbled, 4, (502, "model_invalid", ""), "false"),
        (ModelErrorKind::Invalid, 1, (502, "model_invalid", ""), "false"),
        (ModelErrorKind::Refused, 1, (400, "model_refused", ""), "false"),
        (ModelErrorKind::ContextTooLong, 1, (400, "context_too_long", ""), "false"),
    ] {
        for stream in [false, true] {
            server.models.say(vec![Script::Broken(vec![], kind); attempts]);
            let reply = ask(&server, &json!({"stream": stream})).await;
            assert_eq!(reply.refusal(), expected, "{kind:?} {stream}");
            assert_eq!(reply.header("x-should-retry"), retry, "{kind:?} {stream}");
            assert_eq!(server.models.take_requests().len(), attempts, "{kind:?} {stream}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_says_so() {
    let server = Harness::start().await;
    server.models.say([Script::Broken(vec!["Half "], ModelErrorKind::Unavailable)]);
    let reply = ask(&server, &json!({"stream": true})).await;
    let text = reply.body.as_str().expect("a stream is text").to_owned();
    let last = text.trim_end().rsplit("\n\n").next().unwrap_or_default().to_owned();
    let error: Value = serde_json::from_str(last.trim_start_matches("data: ")).expect("JSON");
    assert_eq!(error["error"]["code"], "model_unavailable");
    assert!(text.contains("Half ") && !text.contains("[DONE]"), "{text}");
    assert_eq!(server.models.take_requests().len(), 1);
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_call() {
    let server = Harness::start().await;
    let never = Arc::new(Notify::new());
    for stream in [false, true] {
        server.models.say([Script::Held(vec!["Half "], never.clone(), vec![])]);
        let body = Body::from(asking(&json!({"stream": stream})).to_string());
        let request = request(Method::POST, PATH, ADMIN, body);
        if stream {
            let mut body = server.send(request).await.into_body().into_data_stream();
            for _ in 0..2 {
                body.next().await.expect("a frame").expect("a stream does not break");
            }
        } else {
            let mut sent = Box::pin(server.send(request));
            while server.models.asked_count() == 0 {
                assert!((&mut sent).now_or_never().is_none());
                tokio::task::yield_now().await;
            }
        }
    }
    assert_eq!(server.models.take_requests().len(), 2);
    let text = server.get("/metrics").await.body;
    let left = "mainstay_chat_completions_total{model=\"scripted\",outcome=\"left\"} 2";
    assert!(text.as_str().expect("text").contains(left), "{text}");
}

#[tokio::test]
async fn answers_and_tokens_are_counted_by_model() {
    let server = Harness::start().await;
    server.models.say([Script::text("a"), Script::text("b"), Script::text("c")]);
    for model in ["scripted", "scripted", "a \"name\" of the client's own"] {
        ask(&server, &json!({"model": model})).await;
    }
    server.models.say([Script::Broken(vec![], ModelErrorKind::Refused)]);
    ask(&server, &json!({})).await;
    let text = server.get("/metrics").await.body;
    let lines = text.as_str().expect("text").lines().filter(|line| line.contains("mainstay_chat_"));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

#[tokio::test]
async fn a_key_is_needed_and_tenants_share_no_cache() {
    let server = Harness::start().await;
    for key in [ADMIN, STRANGER] {
        let body = asking(&json!({"prompt_cache_key": "same"})).to_string();
        let reply = server.call(request(Method::POST, PATH, key, Body::from(body))).await;
        assert_eq!(reply.status, StatusCode::OK);
    }
    let requests = server.models.take_requests();
    assert_ne!(requests[0].session, requests[1].session);
    let nobody =
        request(Method::POST, PATH, "msk_wrong", Body::from(asking(&json!({})).to_string()));
    assert_eq!(server.call(nobody).await.refusal().0, 401);
}
