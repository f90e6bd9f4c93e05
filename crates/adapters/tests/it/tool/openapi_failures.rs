//! OpenAPI tools: what a failed attempt says of the world.

use std::sync::Arc;

use mainstay_core::port::{ToolCall, ToolError, Tools, WorldChange};
use mainstay_core::tool::ToolSpec;
use serde_json::json;

use super::openapi::{document, source};
use super::server::{Server, start_breaking};
use super::support::Bench;

use WorldChange::{Maybe, No};

#[tokio::test]
async fn statuses_are_for_the_model_or_for_another_attempt() {
    let server = Server::start().await;
    let bench = Bench::reaching(&server.address.to_string());
    let source = source(document(&server.url("")));
    for status in [400, 401, 403, 404, 409, 422, 501] {
        let found = bench.call(&source, "post_status", json!({"status": status})).await;
        assert!(found.starts_with(&format!("error: HTTP {status} ")), "{found}");
    }
    for (tool, status, retry_after, world, retry_after_ms) in [
        ("read_status", 500, None, No, None),
        ("put_status", 500, None, Maybe, None),
        ("post_status", 500, None, Maybe, None),
        ("post_status", 502, None, Maybe, None),
        ("post_status", 503, None, Maybe, None),
        ("post_status", 503, Some("2"), No, Some(2_000)),
        ("post_status", 429, None, No, None),
        ("post_status", 429, Some("0"), No, Some(0)),
        ("post_status", 429, Some("999999999"), No, Some(3_600_000)),
        ("post_status", 429, Some("soon"), No, None),
        ("read_status", 408, None, No, None),
    ] {
        let arguments = json!({"status": status, "retry-after": retry_after});
        let error = bench.try_call(&source, tool, arguments).await.expect_err("not for the model");
        let message = error.message.clone();
        assert_eq!(
            error,
            ToolError { message, retryable: true, world, retry_after_ms, needs: None },
            "{tool} {status}"
        );
        assert!(error.message.starts_with(&format!("HTTP {status} ")), "{error}");
    }
}

#[tokio::test]
async fn running_out_of_time_leaves_the_world_open() {
    let server = Server::start().await;
    let bench = Bench::reaching(&server.address.to_string());
    let source = source(document(&server.url("")));
    for (tool, world) in [("read_silent", No), ("post_silent", Maybe)] {
        let call = bench.prepare(&source, tool, json!({})).await;
        let spec = Arc::new(ToolSpec { timeout_ms: 100, ..call.spec.as_ref().clone() });
        let error = bench.tools.call(ToolCall { spec, ..call }).await.expect_err("no answer");
        assert_eq!((error.retryable, error.world), (true, world), "{error}");
        assert!(error.message.ends_with("time ran out"), "{error}");
    }
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn no_connection_changes_nothing_and_a_broken_one_may() {
    let (address, running) = start_breaking().await;
    let bench = Bench::reaching(&address.to_string());
    let source = source(document(&format!("http://{address}")));
    for (tool, world) in [("read_silent", No), ("post_silent", Maybe)] {
        let error =
            bench.try_call(&source, tool, json!({})).await.expect_err("a broken connection");
        assert_eq!((error.retryable, error.world), (true, world), "{error}");
    }
    drop(running);
    // Nobody listens any more once the task is gone; the port stays ours by being unused.
    let error = loop {
        let error =
            bench.try_call(&source, "post_silent", json!({})).await.expect_err("nobody listens");
        if error.world == No {
            break error;
        }
    };
    assert!(error.retryable && error.message.starts_with("connect to 127.0.0.1"), "{error}");
    assert!(!error.message.contains("secret"), "{error}");
}
