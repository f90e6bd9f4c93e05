//! Requests that are sent twice.

use serde_json::json;

use crate::support::{Harness, STRANGER, request, result, say};

#[tokio::test]
async fn the_same_input_under_the_same_key_is_taken_once() {
    let server = Harness::start().await;
    let session = server.session(json!({})).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    for _ in 0..3 {
        let reply = server.post_keyed(&path, "key-1", &say("once")).await;
        assert_eq!(reply.status.as_u16(), 202, "{}", reply.body);
    }
    let turns = server.get(&format!("/v1/agents/sessions/{session}/turns")).await.body;
    assert_eq!(turns["data"].as_array().map(Vec::len), Some(1));
    let other = server.post_keyed(&path, "key-1", &say("another")).await;
    assert_eq!(other.refusal(), (409, "idempotency_conflict", ""));
    assert_eq!(other.header("x-should-retry"), "false");
    // A key is one session's own.
    let second = server.session(json!({})).await;
    let path = format!("/v1/agents/sessions/{second}/events");
    assert_eq!(server.post_keyed(&path, "key-1", &say("another")).await.status.as_u16(), 202);
}

#[tokio::test]
async fn the_same_session_is_made_once() {
    let server = Harness::start().await;
    let body = json!({"environment": {"type": "none"}, "input": "hi"});
    let first = server.post_keyed("/v1/agents/sessions", "key-1", &body).await;
    let again = server.post_keyed("/v1/agents/sessions", "key-1", &body).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (200, 200));
    assert_eq!(first.text("id"), again.text("id"));
    let other = json!({"environment": {"type": "none"}, "input": "ho"});
    let other = server.post_keyed("/v1/agents/sessions", "key-1", &other).await;
    assert_eq!(other.refusal(), (409, "idempotency_conflict", ""));
    let all = server.get("/v1/agents/sessions").await.body;
    assert_eq!(all["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn the_same_agent_is_made_once() {
    let server = Harness::start().await;
    let body = json!({"model": "scripted", "name": "Clerk"});
    let first = server.post_keyed("/v1/agents", "key-1", &body).await;
    let path = format!("/v1/agents/{}", first.text("id"));
    server.post(&path, &json!({"name": "Bookkeeper"})).await;
    let again = server.post_keyed("/v1/agents", "key-1", &body).await;
    assert_eq!(again.body, server.get(&path).await.body, "the agent as it is now");
    let other = server.post_keyed("/v1/agents", "key-1", &json!({"model": "scripted"})).await;
    assert_eq!(other.refusal(), (409, "idempotency_conflict", ""));
    assert_eq!(server.get("/v1/agents").await.body["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_refused_input_does_not_use_its_key_up() {
    let server = Harness::start().await;
    let session = server.session(json!({})).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    let refused = server.post_keyed(&path, "key-1", &result("turn_x", "call_x", "x")).await;
    assert_eq!(refused.refusal(), (400, "invalid_request_error", ""));
    let again = server.post_keyed(&path, "key-1", &result("turn_x", "call_x", "x")).await;
    assert_eq!(again.refusal(), (400, "invalid_request_error", ""));
    assert_eq!(server.post_keyed(&path, "key-1", &say("hi")).await.status.as_u16(), 202);
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let server = Harness::start().await;
    let session = server.session(json!({})).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    for key in [String::new(), "k".repeat(256)] {
        let reply = server.post_keyed(&path, &key, &say("hi")).await;
        assert_eq!(reply.refusal(), (400, "invalid_parameter", "Idempotency-Key"));
    }
}

#[tokio::test]
async fn the_same_fork_is_made_once() {
    let server = Harness::start().await;
    let session = server.session(json!({"input": "hi"})).await;
    let path = format!("/v1/agents/sessions/{session}/fork");
    let first = server.post_keyed(&path, "key-1", &json!({})).await;
    let again = server.post_keyed(&path, "key-1", &json!({})).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (200, 200), "{}", first.body);
    assert_eq!(first.text("id"), again.text("id"));
    let other = server.post_keyed(&path, "key-1", &json!({"seq": 1})).await;
    assert_eq!(other.refusal(), (409, "idempotency_conflict", ""));
    let all = server.get("/v1/agents/sessions").await.body;
    assert_eq!(all["data"].as_array().map(Vec::len), Some(2));
}

/// Posts the same twice under one key: both answers are the same, and another body is refused.
async fn check_kept(
    server: &Harness,
    path: &str,
    body: &serde_json::Value,
) -> crate::support::Reply {
    let first = server.post_keyed(path, "key-1", body).await;
    assert!(first.status.is_success(), "{path}: {}", first.body);
    assert_eq!(first.header("idempotency-replayed"), "");
    let again = server.post_keyed(path, "key-1", body).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body), "{path}");
    assert_eq!(again.header("idempotency-replayed"), "true", "{path}");
    assert_eq!(again.header("content-type"), first.header("content-type"), "{path}");
    let other = server.post_keyed(path, "key-1", &json!({"other": true})).await;
    assert_eq!(other.refusal(), (409, "idempotency_conflict", ""), "{path}");
    first
}

#[tokio::test]
async fn an_answer_is_kept_where_nothing_else_is_left_of_it() {
    let server = Harness::start().await;
    let agent = server.post("/v1/agents", &json!({"model": "scripted", "name": "Clerk"})).await;
    let path = format!("/v1/agents/{}", agent.text("id"));
    check_kept(&server, &path, &json!({"name": "Bookkeeper"})).await;
    check_kept(&server, "/v1/keys", &json!({"name": "one"})).await;
    let keys = server.get("/v1/keys").await.body;
    let named = |key: &&serde_json::Value| key["name"] == "one";
    assert_eq!(keys["data"].as_array().map(|keys| keys.iter().filter(named).count()), Some(1));
    let asked = json!({"model": "scripted", "messages": [{"role": "user", "content": "Hi"}]});
    let first = check_kept(&server, "/v1/chat/completions", &asked).await;
    // Another key is another request, and another server knows what was kept.
    let other = server.post_keyed("/v1/chat/completions", "key-2", &asked).await;
    assert_ne!(other.text("id"), first.text("id"));
    let server = server.restart().await;
    let again = server.post_keyed("/v1/chat/completions", "key-1", &asked).await;
    assert_eq!(again.text("id"), first.text("id"));
    // What is kept is another tenant's neither.
    let body = axum::body::Body::from(asked.to_string());
    let mut request = request(axum::http::Method::POST, "/v1/chat/completions", STRANGER, body);
    request.headers_mut().insert("idempotency-key", "key-1".parse().expect("a plain key"));
    let stranger = server.call(request).await;
    assert_ne!(stranger.text("id"), first.text("id"));
}

#[tokio::test]
async fn a_stream_is_kept_once_it_has_ended() {
    let server = Harness::start().await;
    let asked = json!({
        "model": "scripted", "stream": true, "messages": [{"role": "user", "content": "Hi"}],
    });
    check_kept(&server, "/v1/chat/completions", &asked).await;
}
