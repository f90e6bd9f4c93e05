//! Models that fail: each leaves a session that can be used.

use mainstay_core::port::{ModelErrorKind, ModelOutput};
use serde_json::json;

use crate::support::{Harness, Script, kinds, say, two_tools};

/// Runs a turn that fails, then one that does not.
async fn fails(scripts: Vec<Script>, code: &str, mainstay_code: &str) {
    let server = Harness::start().await;
    server.models.say(scripts);
    let agent = json!({"model": "scripted", "mainstay": {"limits": {"steps": 4}}, "tools": two_tools()["tools"]});
    let session = server.session(json!({"agent": agent})).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    let mut stream = server.stream(&path).await;
    server.post(&path, &say("go")).await;
    let clock = server.clock.clone();
    let seen = tokio::select! {
        seen = stream.until_kind("agent.session.idle") => seen,
        // Attempts wait for the clock; it stays within the session's lease.
        () = async { loop { clock.advance(100); tokio::task::yield_now().await; } } => unreachable!("the clock moves for ever"),
    };
    assert_eq!(
        kinds(&seen).last_chunk::<3>().expect("events"),
        &["error", "turn.failed", "idle"],
        "{mainstay_code}"
    );
    let failed = &seen[seen.len() - 2]["turn"];
    assert_eq!((&failed["status"], &failed["error"]["code"]), (&json!("failed"), &json!(code)));
    assert_eq!(failed["error"]["mainstay_code"], mainstay_code);
    assert_eq!(seen[seen.len() - 3]["error"]["code"], mainstay_code);
    server.post(&path, &say("again")).await;
    let seen = stream.until_kind("agent.session.idle").await;
    assert_eq!(
        kinds(&seen).last_chunk::<2>().expect("events"),
        &["turn.completed", "idle"],
        "{mainstay_code}"
    );
}

fn always(script: &Script) -> Vec<Script> {
    vec![script.clone(); 4]
}

#[tokio::test]
async fn a_model_that_streams_garbage() {
    fails(
        always(&Script::Broken(vec!["%"], ModelErrorKind::Garbled)),
        "server_error",
        "model_invalid",
    )
    .await;
}

#[tokio::test]
async fn a_model_that_stops_in_the_middle() {
    fails(
        always(&Script::Broken(vec!["Half "], ModelErrorKind::Unavailable)),
        "connection_failed",
        "model_unavailable",
    )
    .await;
}

#[tokio::test]
async fn a_model_that_refuses() {
    fails(
        vec![Script::Broken(vec![], ModelErrorKind::Refused)],
        "invalid_request",
        "model_refused",
    )
    .await;
}

#[tokio::test]
async fn a_context_that_never_fits() {
    fails(
        vec![Script::Broken(vec![], ModelErrorKind::ContextTooLong)],
        "context_length_exceeded",
        "context_too_long",
    )
    .await;
}

#[tokio::test]
async fn a_model_that_calls_tools_for_ever() {
    let call = Script::calls(&[("call_a", "files", "{}")]);
    fails(always(&call), "usage_limit_exceeded", "limit_reached").await;
}

#[tokio::test]
async fn a_model_that_says_nothing() {
    let server = Harness::start().await;
    server.models.say([
        Script::Outputs(vec![]),
        Script::Outputs(vec![ModelOutput::Reasoning {
            summary: String::new(),
            provider_data: None,
        }]),
    ]);
    let session = server.session(json!({})).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    let mut stream = server.stream(&path).await;
    for expected in [4, 6] {
        server.post(&path, &say("go")).await;
        let seen = stream.until_kind("agent.session.idle").await;
        assert_eq!(seen.len(), expected + 2, "{:?}", kinds(&seen));
        assert_eq!(kinds(&seen)[expected], "turn.completed");
    }
}
