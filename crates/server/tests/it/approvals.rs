//! Questions to a person: may this be done, and was it done.

use mainstay_core::port::{ToolError, WorldChange};
use serde_json::{Value, json};

use crate::support::{Events, Harness, Script, events, kinds, say};

fn asking() -> Value {
    json!({
        "model": "scripted",
        "tools": [{"type": "mcp", "server_label": "ledger", "approval": "always",
            "transport": {"type": "http", "server_url": "https://ledger.test/mcp"}}],
    })
}

/// A session that asks whether `ledger` may be called, or what became of the call.
async fn asked(server: &Harness, agent: Value) -> (String, Value, Events) {
    server
        .models
        .say([Script::calls(&[("call_a", "ledger", r#"{"amount":5}"#)]), Script::text("Done.")]);
    let session = server.session(json!({"agent": agent})).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    let mut stream = server.stream(&path).await;
    server.post(&path, &say("go")).await;
    let seen = stream.until_kind("agent.session.requires_action").await;
    let action = seen[seen.len() - 1]["session"]["required_actions"][0].clone();
    (path, action, stream)
}

fn answer(action: &Value, decision: &str) -> Value {
    events(&json!([{
        "type": "agent.session.input.mcp_approval_request_result",
        "request_id": action["request_id"],
        "response": {"type": "mcp_tool_call", "decision": decision},
    }]))
}

fn outcome(action: &Value, decision: &str) -> Value {
    events(&json!([{
        "type": "agent.session.input.approval_result",
        "request_id": action["request_id"],
        "decision": decision,
    }]))
}

#[tokio::test]
async fn a_call_waits_for_a_persons_answer() {
    let server = Harness::start().await;
    for (decision, status, calls) in
        [("approve", "completed", 1), ("deny", "failed", 1), ("cancel", "failed", 1)]
    {
        let (path, action, mut stream) = asked(&server, asking()).await;
        assert_eq!(action["type"], "mcp_approval_request");
        let request = &action["request"];
        assert_eq!(request["arguments"], json!({"amount": 5}));
        assert_eq!(
            (&request["server_label"], &request["name"]),
            (&json!("ledger"), &json!("ledger"))
        );
        assert_eq!(request["arguments_sha256"].as_str().map(str::len), Some(64));
        assert!(request["expires_at"].as_u64() > Some(1_790_000_000));
        assert_eq!(server.post(&path, &answer(&action, decision)).await.status.as_u16(), 202);
        let seen = stream.until_kind("agent.session.idle").await;
        let done = seen.iter().find(|event| event["type"] == "agent.session.turn.item.done");
        assert_eq!(done.expect("the call ends")["item"]["status"], status, "{decision}");
        assert_eq!(server.tools.calls().len(), calls, "{decision}");
        let late = server.post(&path, &answer(&action, decision)).await;
        assert_eq!(late.refusal(), (409, "call_not_waiting", ""), "{decision}");
        assert_eq!(late.header("x-should-retry"), "false");
    }
}

#[tokio::test]
async fn an_unknown_outcome_is_asked_about() {
    let server = Harness::start().await;
    let lost = || {
        server.tools.answer(Err(ToolError {
            message: "the connection broke".to_owned(),
            retryable: true,
            world: WorldChange::Maybe,
            retry_after_ms: None,
            needs: None,
        }));
    };
    let mut agent = asking();
    agent["tools"][0]["approval"] = json!("never");
    for (decision, status, calls) in
        [("done", "completed", 1), ("not_done", "failed", 2), ("retry", "completed", 4)]
    {
        lost();
        let (path, action, mut stream) = asked(&server, agent.clone()).await;
        assert_eq!(action["request"]["kind"], "unknown_outcome");
        let wrong = server.post(&path, &answer(&action, "approve")).await;
        assert_eq!(wrong.refusal(), (400, "invalid_parameter", ""), "{decision}");
        assert_eq!(server.post(&path, &outcome(&action, decision)).await.status.as_u16(), 202);
        let seen = stream.until_kind("agent.session.idle").await;
        let done = seen.iter().find(|event| event["type"] == "agent.session.turn.item.done");
        assert_eq!(done.expect("the call ends")["item"]["status"], status, "{decision}");
        assert_eq!(server.tools.calls().len(), calls, "{decision}");
    }
}

#[tokio::test]
async fn a_question_survives_a_restart() {
    let server = Harness::start().await;
    let (path, action, _) = asked(&server, asking()).await;
    let server = server.restart().await;
    let session = path.strip_suffix("/events").expect("a session's path");
    let shown = server.get(session).await.body;
    assert_eq!(
        (&shown["status"], &shown["required_actions"]),
        (&json!("requires_action"), &json!([action]))
    );
    let mut stream = server.stream(&path).await;
    assert_eq!(server.post(&path, &answer(&action, "approve")).await.status.as_u16(), 202);
    let seen = stream.until_kind("agent.session.idle").await;
    assert_eq!(kinds(&seen)[..2], ["in_progress", "turn.item.done"]);
}

#[tokio::test]
async fn an_answer_to_nothing_is_refused() {
    let server = Harness::start().await;
    let session = server.session(json!({})).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    for id in ["apr_none", "no id!"] {
        let action = json!({"request_id": id});
        for body in [answer(&action, "approve"), outcome(&action, "done")] {
            assert_eq!(
                server.post(&path, &body).await.refusal(),
                (409, "call_not_waiting", ""),
                "{body}"
            );
        }
    }
    let browser =
        events(&json!([{"type": "agent.session.input.computer_use_approval_request_result",
        "request_id": "x", "response": {"type": "browser_origin_access", "decision": "approve"}}]));
    assert_eq!(
        server.post(&path, &browser).await.refusal(),
        (400, "unsupported", "events[0].type")
    );
}
