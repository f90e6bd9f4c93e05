//! Sessions: made, changed, listed, deleted.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::{Harness, Script, cancel, kinds, redact, say};

#[tokio::test]
async fn a_session_with_nothing_but_an_environment() {
    let server = Harness::start().await;
    let made = server.post("/v1/agents/sessions", &json!({"environment": {"type": "none"}})).await;
    assert_eq!(made.status.as_u16(), 200, "{}", made.body);
    insta::assert_json_snapshot!("plain_session", redact(&made.body));
    let path = format!("/v1/agents/sessions/{}", made.text("id"));
    assert_eq!(server.get(&path).await.body, made.body);
}

#[tokio::test]
async fn a_session_overrides_its_saved_agent() {
    let server = Harness::start().await;
    let agent = json!({"model": "scripted", "name": "Clerk", "instructions": "Be exact.", "tools": [{"type": "files"}]});
    let agent = server.post("/v1/agents", &agent).await.text("id");
    let made = json!({
        "environment": {"type": "none"},
        "agent_id": agent,
        "agent": {"model": "other", "instructions": null},
        "metadata": {"case": "17"},
        "spend_control": {"limit": 250},
        "prompt_cache_options": {"ttl": "12h"},
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}, {"type": "input_image", "image_url": "https://x.test/a.png"}]}],
    });
    let made = server.post("/v1/agents/sessions", &made).await;
    assert_eq!(made.status.as_u16(), 200, "{}", made.body);
    let shown = &made.body["agent"];
    assert_eq!(shown["id"], agent);
    assert_eq!((&shown["name"], &shown["model"]), (&json!("Clerk"), &json!("other")));
    assert_eq!(shown["instructions"], Value::Null);
    assert_eq!(shown["tools"], json!([{"type": "files", "access": "read_write"}]));
    assert_eq!(made.body["metadata"], json!({"case": "17"}));
    assert_eq!(made.body["spend_control"]["limit"], 250);
    assert_eq!(made.body["prompt_cache_options"], json!({"ttl": "12h"}));
}

#[tokio::test]
async fn sessions_are_found_by_agent_and_metadata() {
    let server = Harness::start().await;
    let agent = server.post("/v1/agents", &json!({"model": "scripted"})).await.text("id");
    let mut ids = Vec::new();
    for (agent_id, metadata) in [
        (None, json!({"kind": "a"})),
        (Some(&agent), json!({"kind": "a", "of": "b c"})),
        (Some(&agent), json!({"kind": "b"})),
        (Some(&agent), json!({"kind": "a"})),
    ] {
        server.clock.advance(1);
        let mut change = json!({"metadata": metadata});
        if let Some(id) = agent_id {
            change["agent_id"] = json!(id);
        }
        ids.push(server.session(change).await);
    }
    let found = async |query: &str| {
        let reply = server.get(&format!("/v1/agents/sessions?{query}")).await;
        let data = reply.body["data"].as_array().expect("a list").clone();
        let place = |session: &Value| ids.iter().position(|id| session["id"] == *id.as_str());
        let places: Vec<usize> =
            data.iter().map(|session| place(session).expect("one of ours")).collect();
        (places, reply.body["has_more"] == true)
    };
    let by_agent = format!("agent_id={agent}");
    let cases: [(String, (Vec<usize>, bool)); 8] = [
        (String::new(), (vec![3, 2, 1, 0], false)),
        ("order=asc&limit=2".to_owned(), (vec![0, 1], true)),
        (format!("order=asc&limit=2&after={}", ids[1]), (vec![2, 3], false)),
        (by_agent.clone(), (vec![3, 2, 1], false)),
        (format!("{by_agent}&metadata%5Bkind%5D=a"), (vec![3, 1], false)),
        (format!("{by_agent}&metadata%5Bkind%5D=a&limit=1"), (vec![3], true)),
        ("metadata%5Bkind%5D=a&metadata%5Bof%5D=b+c".to_owned(), (vec![1], false)),
        ("metadata%5Bkind%5D=none".to_owned(), (vec![], false)),
    ];
    for (query, expected) in cases {
        assert_eq!(found(&query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn a_session_changes_its_settings() {
    let server = Harness::start().await;
    let session = server.session(json!({"agent": {"model": "scripted", "reasoning": {"effort": "low", "summary": "auto"}}})).await;
    let path = format!("/v1/agents/sessions/{session}");
    let change = json!({
        "agent": {"model": "other", "reasoning": {"effort": "high"}, "tools": [{"type": "files"}], "service_tier": "flex"},
        "metadata": {"a": "b"},
        "spend_control": {"limit": 10},
        "prompt_cache_options": {"ttl": "30m"},
        "review": "none",
    });
    let changed = server.post(&path, &change).await;
    assert_eq!(changed.status.as_u16(), 200, "{}", changed.body);
    let agent = &changed.body["agent"];
    assert_eq!(agent["model"], "other");
    assert_eq!(agent["reasoning"], json!({"effort": "high", "summary": "auto"}));
    assert_eq!(agent["service_tier"], "flex");
    assert_eq!(agent["tools"], json!([{"type": "files", "access": "read_write"}]));
    assert_eq!(changed.body["metadata"], json!({"a": "b"}));
    assert_eq!(changed.body["spend_control"]["limit"], 10);
    let cleared = json!({"metadata": null, "spend_control": null, "prompt_cache_options": null, "agent": {"tools": null}});
    let cleared = server.post(&path, &cleared).await.body;
    assert_eq!(cleared["metadata"], json!({}));
    assert_eq!(cleared["spend_control"]["limit"], Value::Null);
    assert_eq!(cleared["prompt_cache_options"], Value::Null);
    assert_eq!(cleared["agent"]["tools"], json!([]));
    assert_eq!(cleared["agent"]["model"], "other");
}

#[tokio::test]
async fn a_session_is_deleted_only_at_rest() {
    let server = Harness::start().await;
    let release = Arc::new(Notify::new());
    server.models.say([Script::Held(vec!["a"], release, vec![])]);
    let session = server.session(json!({"input": "go"})).await;
    let path = format!("/v1/agents/sessions/{session}");
    let busy = server.delete(&path).await;
    assert_eq!(busy.refusal(), (409, "conflict", ""));
    assert_eq!(busy.header("x-should-retry"), "false");
    let mut events = server.stream(&format!("{path}/events?starting_after=0")).await;
    assert_eq!(server.post(&format!("{path}/events"), &cancel()).await.status.as_u16(), 202);
    let seen = events.until_kind("agent.session.idle").await;
    assert_eq!(kinds(&seen).last_chunk::<2>().expect("more than one"), &["turn.cancelled", "idle"]);
    let gone = server.delete(&path).await;
    assert_eq!(
        gone.body,
        json!({"id": session, "object": "agent.session.deleted", "deleted": true})
    );
    assert!(events.rest().await.is_empty(), "the stream of a deleted session ends");
    for path in
        [path.clone(), format!("{path}/items"), format!("{path}/turns"), format!("{path}/events")]
    {
        assert_eq!(server.get(&path).await.refusal(), (404, "not_found", ""), "{path}");
    }
    assert_eq!(server.delete(&path).await.refusal(), (404, "not_found", ""));
}

#[tokio::test]
async fn a_spend_limit_stops_the_session_until_it_is_raised() {
    let server = Harness::start().await;
    let session = server.session(json!({"spend_control": {"limit": 2}})).await;
    let path = format!("/v1/agents/sessions/{session}");
    let say = say("hi");
    let mut events = server.stream(&format!("{path}/events")).await;
    server.post(&format!("{path}/events"), &say).await;
    let seen = events.until_kind("agent.session.budget_reached").await;
    let last = &seen[seen.len() - 1]["session"];
    assert_eq!(
        (&last["status"], &last["spend_control"]),
        (&json!("budget_reached"), &json!({"consumed": 2, "limit": 2}))
    );
    let refused = server.post(&format!("{path}/events"), &say).await;
    assert_eq!(refused.refusal(), (409, "budget_reached", ""));
    server.post(&path, &json!({"spend_control": {"limit": 100}})).await;
    assert_eq!(kinds(&events.until_kind("agent.session.idle").await), ["idle"]);
    assert_eq!(server.post(&format!("{path}/events"), &say).await.status.as_u16(), 202);
    events.until_kind("agent.session.idle").await;
}
