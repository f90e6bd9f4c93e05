//! Bounds: bodies, time, room.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::Method;
use futures::StreamExt;
use mainstay_server::ServerLimits;
use serde_json::json;

use crate::support::{ADMIN, Harness, request};

#[tokio::test]
async fn a_body_beyond_the_bound_is_refused_however_it_is_announced() {
    let server =
        Harness::with_limits(ServerLimits { max_body_bytes: 100, ..ServerLimits::default() }).await;
    let long = json!({"model": "scripted", "name": "x".repeat(100)}).to_string();
    let mut announced = request(Method::POST, "/v1/agents", ADMIN, Body::from(long.clone()));
    announced.headers_mut().insert("content-length", long.len().into());
    let pieces: Vec<_> = long
        .as_bytes()
        .chunks(30)
        .map(|piece| Ok::<_, Infallible>(Bytes::copy_from_slice(piece)))
        .collect();
    let unannounced = Body::from_stream(futures::stream::iter(pieces));
    let unannounced = request(Method::POST, "/v1/agents", ADMIN, unannounced);
    for request in [announced, unannounced] {
        let reply = server.call(request).await;
        assert_eq!(reply.refusal(), (413, "body_too_large", ""));
        assert_eq!(reply.header("x-should-retry"), "false");
    }
    let short: Vec<_> = [r#"{"mod"#, r#"el":"scr"#, r#"ipted"}"#]
        .map(|piece| Ok::<_, Infallible>(Bytes::from(piece)))
        .into();
    let short = Body::from_stream(futures::stream::iter(short));
    let reply = server.call(request(Method::POST, "/v1/agents", ADMIN, short)).await;
    assert_eq!(reply.status.as_u16(), 200, "{}", reply.body);
}

#[tokio::test]
async fn a_body_that_dribbles_is_given_up_on() {
    let server = Harness::start().await;
    let begun = futures::stream::iter([Ok::<_, Infallible>(Bytes::from("{"))]);
    let never = begun.chain(futures::stream::pending());
    let request = request(Method::POST, "/v1/agents", ADMIN, Body::from_stream(never));
    let clock = server.clock.clone();
    let reply = tokio::select! {
        reply = server.call(request) => reply,
        () = async { loop { clock.advance(10_000); tokio::task::yield_now().await; } } => unreachable!("the clock moves for ever"),
    };
    assert_eq!(reply.refusal(), (408, "body_timeout", ""));
}

#[tokio::test]
async fn too_many_requests_at_once_are_refused() {
    let server =
        Harness::with_limits(ServerLimits { max_requests: 1, ..ServerLimits::default() }).await;
    let never = Body::from_stream(futures::stream::pending::<Result<Bytes, Infallible>>());
    let waiting = server.send(request(Method::POST, "/v1/agents", ADMIN, never));
    let second = async {
        tokio::task::yield_now().await;
        server.get("/v1/agents").await
    };
    let reply = tokio::select! {
        biased;
        _ = waiting => unreachable!("the first request's body never ends"),
        reply = second => reply,
    };
    assert_eq!(reply.refusal(), (503, "overloaded", ""));
    assert_eq!((reply.header("retry-after"), reply.header("x-should-retry")), ("1", "true"));
    assert_eq!(server.get("/v1/agents").await.status.as_u16(), 200, "room comes back");
}

#[tokio::test]
async fn streams_have_a_bound_of_their_own() {
    let limits = ServerLimits { max_requests: 1, max_streams: 2, ..ServerLimits::default() };
    let server = Harness::with_limits(limits).await;
    let session = server.session(json!({})).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    let first = server.stream(&path).await;
    let second = server.stream(&path).await;
    assert_eq!(server.get(&path).await.refusal(), (503, "overloaded", ""));
    drop(first);
    let third = server.stream(&path).await;
    drop((second, third));
}

#[tokio::test]
async fn counters_tell_what_was_answered() {
    let server = Harness::start().await;
    let session = server.session(json!({})).await;
    server.get(&format!("/v1/agents/sessions/{session}")).await;
    server.get("/v1/agents/sessions/ses_none").await;
    server.get("/nowhere/at/all").await;
    let text = server.get("/metrics").await.body;
    let text = text.as_str().expect("a text");
    for line in [
        r#"mainstay_http_requests_total{method="GET",route="/v1/agents/sessions/{session}",status="200"} 1"#,
        r#"mainstay_http_requests_total{method="GET",route="/v1/agents/sessions/{session}",status="404"} 1"#,
        r#"mainstay_http_requests_total{method="POST",route="/v1/agents/sessions",status="200"} 1"#,
        r#"mainstay_http_requests_total{method="GET",route="none",status="404"} 1"#,
        "mainstay_sessions_active 0",
        "# TYPE mainstay_session_commits_total counter",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}
