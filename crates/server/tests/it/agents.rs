//! Saved agents: made, changed, listed, deleted.

use serde_json::{Value, json};

use crate::support::{Harness, redact, say};

fn whole_agent() -> Value {
    json!({
        "model": "scripted",
        "name": "Clerk",
        "instructions": "Be exact.",
        "metadata": {"team": "billing"},
        "multi_agent": {"enabled": true, "max_concurrent_subagents": 2},
        "reasoning": {"effort": "low", "summary": "concise"},
        "service_tier": "priority",
        "text": {"format": {"type": "json_schema", "schema": {"type": "object"}}, "verbosity": "low"},
        "compaction": {"async": true},
        "experimental": {"time_awareness": true},
        "tools": [
            {"type": "function", "name": "look", "description": "Looks.", "parameters": {"type": "object"}, "defer_loading": true},
            {"type": "tool_search"},
            {"type": "mcp", "server_label": "ledger", "approval": "always", "safety": {"post": "once"},
             "transport": {"type": "http", "server_url": "https://ledger.test/mcp", "authorization": "Bearer secret"}},
            {"type": "mcp", "server_label": "local", "transport": {"type": "stdio", "command": "local", "cwd": "."}},
            {"type": "openapi", "label": "shop", "spec": {"openapi": "3.1.0"}, "server_url": "https://shop.test",
             "allowed_operations": ["order"], "reconcile": {"order": "find_order"}, "headers": {"x-key": "secret"}},
            {"type": "files", "access": "read_only"},
            {"type": "http", "allowed_hosts": ["example.test"]},
        ],
        "mainstay": {"fallback_models": ["scripted-2"], "unknown_outcome": "report", "limits": {"steps": 5}},
    })
}

#[tokio::test]
async fn an_agent_is_shown_whole_and_without_secrets() {
    let server = Harness::start().await;
    let made = server.post("/v1/agents", &whole_agent()).await;
    assert_eq!(made.status.as_u16(), 200, "{}", made.body);
    insta::assert_json_snapshot!("whole_agent", redact(&made.body));
    let path = format!("/v1/agents/{}", made.text("id"));
    assert_eq!(server.get(&path).await.body, made.body);
    assert!(!made.body.to_string().contains("secret"));
}

#[tokio::test]
async fn an_agent_with_only_a_model_has_every_default() {
    let server = Harness::start().await;
    let nulls = json!({
        "model": "scripted", "name": null, "instructions": null, "metadata": null, "multi_agent": null,
        "reasoning": null, "service_tier": null, "text": null, "tools": null, "compaction": null,
    });
    let with_nulls = server.post("/v1/agents", &nulls).await.body;
    let plain = server.post("/v1/agents", &json!({"model": "scripted"})).await.body;
    assert_eq!(redact(&with_nulls), redact(&plain));
    insta::assert_json_snapshot!("plain_agent", redact(&plain));
}

#[tokio::test]
async fn a_change_keeps_what_it_does_not_say() {
    let server = Harness::start().await;
    let made = server.post("/v1/agents", &whole_agent()).await;
    let path = format!("/v1/agents/{}", made.text("id"));
    server.clock.advance(5_000);
    let changes = [
        (json!({}), json!({})),
        (json!({"name": "Bookkeeper"}), json!({"name": "Bookkeeper"})),
        (json!({"name": null, "metadata": null}), json!({"name": null, "metadata": {}})),
        (
            json!({"tools": [{"type": "files"}]}),
            json!({"tools": [{"type": "files", "access": "read_write"}]}),
        ),
        (json!({"tools": null}), json!({"tools": []})),
        (
            json!({"reasoning": {"effort": "high"}}),
            json!({"reasoning": {"effort": "high", "summary": null}}),
        ),
        (
            json!({"text": null}),
            json!({"text": {"format": {"type": "text"}, "verbosity": "medium"}}),
        ),
        (json!({"service_tier": null}), json!({"service_tier": "auto"})),
        (
            json!({"experimental": {"time_awareness": false}}),
            json!({"experimental": {"time_awareness": false}}),
        ),
        (json!({"compaction": null}), json!({"compaction": null})),
    ];
    let mut expected = made.body;
    expected["updated_at"] = json!(expected["updated_at"].as_u64().expect("a time") + 5);
    for (change, difference) in changes {
        for (member, value) in difference.as_object().expect("an object") {
            expected[member] = value.clone();
        }
        assert_eq!(server.post(&path, &change).await.body, expected, "{change}");
    }
    assert_eq!(server.get(&path).await.body, expected);
}

#[tokio::test]
async fn agents_are_listed_page_by_page() {
    let server = Harness::start().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        server.clock.advance(1);
        ids.push(server.post("/v1/agents", &json!({"model": "scripted"})).await.text("id"));
    }
    server.delete(&format!("/v1/agents/{}", ids.remove(2))).await;
    let newest_first: Vec<String> = ids.iter().rev().cloned().collect();
    for (order, expected) in [("asc", &ids), ("desc", &newest_first), ("", &newest_first)] {
        let mut found = Vec::new();
        let mut after = String::new();
        loop {
            let path = match (order, after.as_str()) {
                ("", after) => format!("/v1/agents?limit=3{after}"),
                (order, after) => format!("/v1/agents?limit=3&order={order}{after}"),
            };
            let page = server.get(&path).await.body;
            let data = page["data"].as_array().expect("a list").clone();
            found.extend(data.iter().map(|agent| agent["id"].as_str().expect("an id").to_owned()));
            assert_eq!(page["first_id"], data[0]["id"]);
            assert_eq!(page["last_id"], data[data.len() - 1]["id"]);
            if page["has_more"] == false {
                break;
            }
            after = format!("&after={}", found[found.len() - 1]);
        }
        assert_eq!(&found, expected, "{order}");
    }
}

#[tokio::test]
async fn a_deleted_agent_is_gone_and_its_sessions_take_no_turns() {
    let server = Harness::start().await;
    let agent = server.post("/v1/agents", &json!({"model": "scripted"})).await.text("id");
    let path = format!("/v1/agents/{agent}");
    let session = server.session(json!({"agent": {}, "agent_id": agent})).await;
    let gone = server.delete(&path).await;
    assert_eq!(gone.body, json!({"id": agent, "object": "agent.deleted", "deleted": true}));
    assert_eq!(server.get(&path).await.refusal(), (404, "not_found", ""));
    assert_eq!(server.delete(&path).await.refusal(), (404, "not_found", ""));
    assert_eq!(server.post(&path, &json!({})).await.refusal(), (404, "not_found", ""));
    let say = say("hi");
    let refused = server.post(&format!("/v1/agents/sessions/{session}/events"), &say).await;
    assert_eq!(refused.refusal(), (409, "agent_deleted", ""));
    assert_eq!(refused.header("x-should-retry"), "false");
    let new = json!({"environment": {"type": "none"}, "agent_id": agent});
    let refused = server.post("/v1/agents/sessions", &new).await;
    assert_eq!(refused.refusal(), (409, "agent_deleted", "agent_id"));
    let still = server.get(&format!("/v1/agents/sessions/{session}")).await;
    assert_eq!((still.status.as_u16(), &still.body["status"]), (200, &json!("idle")));
}
