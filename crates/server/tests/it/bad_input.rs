//! Requests that are wrong: the code, and the parameter at fault.

use serde_json::{Value, json};

use crate::support::{Harness, events, message, say};

async fn check(server: &Harness, path: &str, body: &str, expected: (u16, &str, &str)) {
    let reply = server.post_text(path, body).await;
    let shown: String = body.chars().take(200).collect();
    assert_eq!(reply.refusal(), expected, "{path} {shown}\n{}", reply.body);
    assert_eq!(reply.header("x-should-retry"), "false", "{path} {shown}");
    assert_eq!(reply.body["error"]["type"], "invalid_request_error", "{path} {shown}");
}

#[tokio::test]
async fn agents_that_cannot_be_made() {
    let server = Harness::start().await;
    let text = |value: Value| value.to_string();
    let long = "x".repeat(256_001);
    let with_tool = |tool: Value| json!({"model": "scripted", "tools": [tool]}).to_string();
    let mcp = |change: Value| {
        let mut tool = json!({"type": "mcp", "server_label": "a", "transport": {"type": "http", "server_url": "https://a.test"}});
        for (member, value) in change.as_object().expect("an object") {
            tool[member] = value.clone();
        }
        json!({"model": "scripted", "tools": [tool]}).to_string()
    };
    let stdio = |change: Value| {
        let mut transport = json!({"type": "stdio", "command": "a", "cwd": "."});
        for (member, value) in change.as_object().expect("an object") {
            transport[member] = value.clone();
        }
        mcp(json!({"transport": transport}))
    };
    let metadata: Value =
        (0..17).map(|n| (n.to_string(), json!("x"))).collect::<serde_json::Map<_, _>>().into();
    let cases = [
        ("{".to_owned(), "invalid_json", ""),
        (String::new(), "invalid_json", ""),
        ("[]".to_owned(), "invalid_parameter", ""),
        ("{}".to_owned(), "missing_parameter", "model"),
        (text(json!({"model": 1})), "invalid_parameter", "model"),
        (text(json!({"model": ""})), "invalid_parameter", "model"),
        (text(json!({"model": "unknown-9"})), "model_not_found", "model"),
        (
            text(json!({"model": "scripted", "mainstay": {"fallback_models": ["unknown"]}})),
            "model_not_found",
            "model",
        ),
        (text(json!({"model": "scripted", "colour": "red"})), "unknown_parameter", "colour"),
        (text(json!({"model": "scripted", "instructions": long})), "text_too_long", "instructions"),
        (text(json!({"model": "scripted", "metadata": metadata})), "invalid_parameter", "metadata"),
        (
            text(json!({"model": "scripted", "metadata": {"a": 1}})),
            "invalid_parameter",
            "metadata.a",
        ),
        // Arrays are not objects in the order of their members, nor is null one without any.
        (text(json!({"model": "scripted", "text": [null, null]})), "invalid_parameter", "text"),
        (
            with_tool(
                json!({"type": "function", "name": "f", "description": "", "parameters": null}),
            ),
            "invalid_parameter",
            "tools[0].parameters",
        ),
        (
            text(json!({"model": "scripted", "reasoning": {"effort": "huge"}})),
            "invalid_parameter",
            "reasoning.effort",
        ),
        (with_tool(json!({"type": "function"})), "missing_parameter", "tools[0].name"),
        (with_tool(json!({"type": "teleport"})), "invalid_parameter", "tools[0].type"),
        (with_tool(json!({"type": "web_search"})), "unsupported", "tools[0].type"),
        (with_tool(json!({"type": "computer_use"})), "unsupported", "tools[0].type"),
        (with_tool(json!({"type": "automations"})), "unsupported", "tools[0].type"),
        (
            with_tool(json!({"type": "programmatic_tool_calling"})),
            "unsupported",
            "tools[0].enabled",
        ),
        (
            with_tool(json!({"type": "http", "allowed_hosts": []})),
            "invalid_parameter",
            "tools[0].allowed_hosts",
        ),
        (
            with_tool(
                json!({"type": "openapi", "label": "a", "spec_url": "https://a.test", "server_url": "https://b.test"}),
            ),
            "unsupported",
            "tools[0].server_url",
        ),
        (mcp(json!({"server_label": "unusable"})), "invalid_parameter", "tools[0].server_label"),
        (
            mcp(json!({"connection_origin": "environment"})),
            "unsupported",
            "tools[0].connection_origin",
        ),
        (mcp(json!({"request_metadata": {"a": 1}})), "unsupported", "tools[0].request_metadata"),
        (
            mcp(json!({
                "credential_id": "cred_1",
                "transport": {"type": "stdio", "command": "ledger", "cwd": "."},
            })),
            "invalid_parameter",
            "tools[0].credential_id",
        ),
        (stdio(json!({"args": ["-x"]})), "unsupported", "tools[0].transport.args"),
        (stdio(json!({"env": {"A": "b"}})), "unsupported", "tools[0].transport.env"),
        (stdio(json!({"env_vars": ["A"]})), "unsupported", "tools[0].transport.env_vars"),
        (stdio(json!({"cwd": "/"})), "unsupported", "tools[0].transport.cwd"),
    ];
    for (body, code, param) in cases {
        check(&server, "/v1/agents", &body, (400, code, param)).await;
    }
    assert_eq!(server.get("/v1/agents").await.body["data"], json!([]));
}

#[tokio::test]
async fn sessions_that_cannot_be_made() {
    let server = Harness::start().await;
    let none = json!({"type": "none"});
    let cases = [
        (json!({}), 400, "missing_parameter", "environment"),
        (json!({"environment": {"type": "openai_hosted"}}), 400, "unsupported", "environment"),
        (
            json!({"environment": {"type": "self_hosted", "workspace_directory": "/w"}}),
            400,
            "unsupported",
            "environment",
        ),
        (json!({"environment": none, "vault_ids": ["vault_1"]}), 404, "not_found", "vault_ids[0]"),
        (json!({"environment": none, "review": "auto_review"}), 400, "unsupported", "review"),
        (json!({"environment": none, "agent_id": "agent_none"}), 404, "not_found", "agent_id"),
        (
            json!({"environment": none, "agent": {"model": "unknown"}}),
            400,
            "model_not_found",
            "agent.model",
        ),
        (
            json!({"environment": none, "agent": {"tools": [{"type": "web_search"}]}}),
            400,
            "unsupported",
            "agent.tools[0].type",
        ),
        (json!({"environment": none, "input": ""}), 400, "invalid_parameter", "input"),
        (json!({"environment": none, "input": []}), 400, "invalid_parameter", "input"),
        (
            json!({"environment": none, "input": [{"role": "system", "content": []}]}),
            400,
            "invalid_parameter",
            "input[0].role",
        ),
        (
            json!({"environment": none, "input": "x".repeat(1_048_577)}),
            400,
            "text_too_long",
            "input",
        ),
        (
            json!({"environment": none, "spend_control": {"limit": 0}}),
            400,
            "invalid_parameter",
            "spend_control.limit",
        ),
        (json!({"environment": none, "stream": "yes"}), 400, "invalid_parameter", "stream"),
        (
            json!({"environment": none, "metadata": {"k".repeat(65): "v"}}),
            400,
            "invalid_parameter",
            "metadata",
        ),
    ];
    for (body, status, code, param) in cases {
        check(&server, "/v1/agents/sessions", &body.to_string(), (status, code, param)).await;
    }
    assert_eq!(server.get("/v1/agents/sessions").await.body["data"], json!([]));
}

#[tokio::test]
async fn input_that_a_session_does_not_take() {
    let server = Harness::start().await;
    let session = server.session(json!({})).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    let mut shouting = message("hi");
    shouting["mode"] = json!("shout");
    let cases = [
        (json!({}), "missing_parameter", "events"),
        (json!({"events": []}), "invalid_parameter", "events"),
        (json!({"events": {}}), "invalid_parameter", "events"),
        (
            events(&json!([{"type": "agent.session.input.dance"}])),
            "invalid_parameter",
            "events[0].type",
        ),
        (events(&json!([{}])), "missing_parameter", "events[0].type"),
        (
            events(&json!([{"type": "agent.session.input.cancel", "now": true}])),
            "unknown_parameter",
            "events[0].now",
        ),
        (
            events(&json!([message("hi"), {"type": "agent.session.input.message"}])),
            "missing_parameter",
            "events[1].input",
        ),
        (events(&json!([shouting])), "invalid_parameter", "events[0].mode"),
        (
            events(&json!([message(&"x".repeat(1_048_577))])),
            "text_too_long",
            "events[0].input[0].content[0].text",
        ),
        (events(&Value::Array(vec![message("x"); 65])), "invalid_parameter", "events"),
    ];
    for (body, code, param) in cases {
        check(&server, &path, &body.to_string(), (400, code, param)).await;
    }
    for body in ["", "{", "null,", "{\"events\": [}"] {
        check(&server, &path, body, (400, "invalid_json", "")).await;
    }
    let none = "/v1/agents/sessions/ses_none/events";
    check(&server, none, &say("hi").to_string(), (404, "not_found", "")).await;
    let still = server.get(&format!("/v1/agents/sessions/{session}")).await;
    assert_eq!(still.body["status"], "idle");
    assert_eq!(server.post(&path, &say("hi")).await.status.as_u16(), 202);
}

#[tokio::test]
async fn questions_that_make_no_sense() {
    let server = Harness::start().await;
    let session = server.session(json!({})).await;
    let cases = [
        ("/v1/agents?limit=0", 400, "invalid_parameter", "limit"),
        ("/v1/agents?limit=101", 400, "invalid_parameter", "limit"),
        ("/v1/agents?limit=ten", 400, "invalid_parameter", "limit"),
        ("/v1/agents?order=up", 400, "invalid_parameter", "order"),
        ("/v1/agents?colour=red", 400, "unknown_parameter", "colour"),
        ("/v1/agents?limit=1&limit=2", 400, "invalid_parameter", "limit"),
        ("/v1/agents?after=agent_none", 400, "invalid_cursor", "after"),
        ("/v1/agents/sessions?after=ses_none", 400, "invalid_cursor", "after"),
        ("/v1/agents/agent_none", 404, "not_found", ""),
        ("/v1/agents/%ff", 404, "not_found", ""),
        ("/v1/agents/sessions/ses_none", 404, "not_found", ""),
        ("/v1/agents/sessions/a%20b", 404, "not_found", ""),
        ("/v1/agents/sessions/ses_none/items", 404, "not_found", ""),
        ("/v1/agents/sessions/ses_none/turns/turn_none", 404, "not_found", ""),
        ("/nowhere", 404, "not_found", ""),
    ];
    for (path, status, code, param) in cases {
        let reply = server.get(path).await;
        assert_eq!(reply.refusal(), (status, code, param), "{path}\n{}", reply.body);
    }
    for query in ["include_obfuscation=maybe", "starting_after=-1", "starting_after=x"] {
        let path = format!("/v1/agents/sessions/{session}/events?{query}");
        let reply = server.get(&path).await;
        let param = query.split('=').next().expect("a name");
        assert_eq!(reply.refusal(), (400, "invalid_parameter", param), "{query}");
    }
}

#[tokio::test]
async fn a_method_that_a_route_does_not_take() {
    let server = Harness::start().await;
    for path in ["/v1/agents", "/v1/agents/sessions", "/v1/models"] {
        let reply = server.delete(path).await;
        assert_eq!(reply.refusal(), (405, "method_not_allowed", ""), "{path}");
    }
}

#[tokio::test]
async fn responses_that_cannot_be_asked_for() {
    let server = Harness::start().await;
    let with = |member: &str, value: Value| {
        let mut body = json!({"model": "scripted", "input": "hello"});
        body[member] = value;
        body.to_string()
    };
    let message = |kind: Value| json!([{"type": kind, "role": "user", "content": "hello"}]);
    let schema =
        |schema: Value| json!({"format": {"type": "json_schema", "name": "n", "schema": schema}});
    let cases = [
        (with("conversation", json!(["conv_1"])), "invalid_parameter", "conversation"),
        (
            with("conversation", json!({"id": "conv_1", "a": 1})),
            "unknown_parameter",
            "conversation.a",
        ),
        (
            with("text", json!({"format": {"type": "text", "a": 1}})),
            "unknown_parameter",
            "text.format.a",
        ),
        (with("text", schema(Value::Null)), "invalid_parameter", "text.format.schema"),
        (with("input", message(json!(""))), "invalid_parameter", "input[0].type"),
        (with("input", message(json!({}))), "invalid_parameter", "input[0].type"),
        (with("tools", json!([[null, null]])), "invalid_parameter", "tools[0]"),
    ];
    for (body, code, param) in cases {
        check(&server, "/v1/responses", &body, (400, code, param)).await;
        check(&server, "/v1/responses/input_tokens", &body, (400, code, param)).await;
    }
}
