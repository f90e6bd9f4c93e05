//! What is one tenant's does not exist for another, on every route that names a thing; and a cursor
//! that names nothing is refused, on every list.
//!
//! The routes are the document's, so that a new one is asked too.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Method;
use mainstay_server::openapi_document;
use serde_json::{Value, json};

use crate::environments::hosted;
use crate::support::{ADMIN, Harness, Reply, STRANGER, Script, request, say};

/// What everybody has.
const SHARED: [&str; 1] = ["/v1/models/{model}"];
/// Below a session that has none.
const NOT_THERE: [&str; 2] = ["{subagent}", "{delivery}"];
/// A cursor here is a place, not a thing.
const PLACES: [&str; 2] = ["/v1/agents/sessions/{session}/journal", "/v1/chat/journals/{journal}"];

type Ids = BTreeMap<&'static str, String>;

/// One of each kind.
async fn things(server: &Harness) -> Ids {
    let mut ids = Ids::new();
    let mut keep = |name, reply: &Reply| {
        assert_eq!(reply.status.as_u16(), 200, "{name}: {}", reply.body);
        ids.insert(name, reply.text("id"));
    };
    let post = async |path: &str, body: Value| server.post(path, &body).await;
    keep("agent", &post("/v1/agents", json!({"model": "scripted"})).await);
    keep("template", &post("/v1/agents/environments/templates", json!({"name": "a"})).await);
    keep("vault", &post("/v1/vaults", json!({"name": "a"})).await);
    let hook =
        json!({"name": "a", "url": "https://hooks.test/in", "event_types": ["agent.session.idle"]});
    keep("endpoint", &post("/v1/webhook_endpoints", hook).await);
    keep(
        "response",
        &post("/v1/responses", json!({"model": "scripted", "input": "x", "background": true}))
            .await,
    );
    let said = json!({"items": [{"type": "message", "role": "user", "content": "x"}]});
    keep("conversation", &post("/v1/conversations", said).await);
    keep("key", &post("/v1/keys", json!({"name": "a"})).await);
    let said = json!([{"role": "user", "content": "x"}]);
    post("/v1/chat/completions", json!({"model": "scripted", "messages": said})).await;
    let target = json!({"type": "new_session", "environment": {"type": "none"}, "agent": {"model": "scripted"},
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "x"}]}]});
    let timing =
        json!({"type": "once", "name": "a", "run_at": 4_000_000_000_u64, "target": target});
    keep("automation", &post("/v1/agents/automations", timing).await);
    let mut asked = hosted(&json!({}));
    asked["agent"]["tools"] = json!([{"type": "files"}]);
    keep("session", &post("/v1/agents/sessions", asked).await);
    let session = ids["session"].clone();
    let path = format!("/v1/agents/sessions/{session}");
    let mut stream = server.stream(&format!("{path}/events")).await;
    let write = json!({"path": "artifacts/a", "content": "x"}).to_string();
    server.models.say([Script::calls(&[("call_1", "write_file", &write)]), Script::text("Done.")]);
    server.post(&format!("{path}/events"), &say("go")).await;
    stream.until_kind("agent.session.idle").await;
    let credential = json!({"name": "a", "auth": {"type": "static_bearer", "token": "x",
        "mcp_server_url": "https://a.test/mcp"}});
    let credential = post(&format!("/v1/vaults/{}/credentials", ids["vault"]), credential).await;
    ids.insert("credential", credential.text("id"));
    let run = format!("/v1/agents/automations/{}/invocations", ids["automation"]);
    ids.insert("invocation", post(&run, json!({})).await.text("id"));
    for (name, list) in [
        ("turn", format!("{path}/turns")),
        ("artifact", format!("{path}/artifacts")),
        ("environment", "/v1/agents/environments".to_owned()),
        ("journal", "/v1/chat/journals".to_owned()),
        ("item", format!("/v1/conversations/{}/items", ids["conversation"])),
    ] {
        let found = server.get(&list).await;
        let id = found.body["data"][0]["id"].as_str();
        ids.insert(name, id.unwrap_or_else(|| panic!("{list}: {}", found.body)).to_owned());
    }
    ids.insert("sandbox", session);
    ids.insert("subagent", "ses_none".to_owned());
    ids.insert("delivery", "del_none".to_owned());
    ids
}

/// A body that the route takes.
fn body(path: &str) -> Value {
    let last = path.rsplit('/').next().unwrap_or_default();
    match last {
        "events" => json!({"events": [{"type": "agent.session.input.cancel"}]}),
        "files" => json!({"type": "inline", "path": "a", "data": "eA=="}),
        "items" => json!({"items": [{"type": "message", "role": "user", "content": "x"}]}),
        "{conversation}" => json!({"metadata": {}}),
        "{key}" => json!({"spend_limit": null}),
        "credentials" => json!({"name": "b", "auth": {"type": "static_bearer", "token": "x",
            "mcp_server_url": "https://b.test/mcp"}}),
        "exec" => json!({"command": ["true"]}),
        "restore" => json!({"checkpoint": "ckpt_1"}),
        "test" => json!({"event_type": "agent.session.idle"}),
        _ => json!({}),
    }
}

/// Every operation of the document with what it names in its place.
fn operations(ids: &Ids) -> Vec<(Method, String, String, Value)> {
    let document: Value = serde_json::from_str(&openapi_document()).expect("the document is JSON");
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("there are paths") {
        let mut place = path.clone();
        for (name, id) in ids {
            place = place.replace(&format!("{{{name}}}"), id);
        }
        for (method, operation) in methods.as_object().expect("a path has methods") {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            all.push((method, path.clone(), place.clone(), operation.clone()));
        }
    }
    all
}

#[tokio::test]
async fn nothing_of_another_tenant_is_there_on_any_route() {
    let (server, _machines) = Harness::with_machines().await;
    let ids = things(&server).await;
    let own = async || {
        let mut found = Vec::new();
        for (method, path, place, _) in operations(&ids) {
            tokio::task::yield_now().await;
            let is_absent = NOT_THERE.iter().any(|name| path.contains(name));
            if method == Method::GET
                && path.contains('{')
                && !is_absent
                && !path.ends_with("/events")
            {
                let reply = server.get(&place).await;
                found.push((path, reply.status.as_u16(), reply.body));
            }
        }
        found
    };
    // What was begun comes to its end first.
    let mut before = own().await;
    loop {
        let now = own().await;
        if now == before {
            break;
        }
        before = now;
    }
    let there =
        |(path, status, body): &(String, u16, Value)| assert_eq!(*status, 200, "{path}: {body}");
    before.iter().for_each(there);
    for (method, path, place, _) in operations(&ids) {
        // Who may not bring things in is refused before anything is looked for: see `imports`.
        let is_import = path.ends_with("/import");
        if !path.contains('{') || is_import || SHARED.contains(&path.as_str()) {
            continue;
        }
        let asked = request(method.clone(), &place, STRANGER, Body::from(body(&path).to_string()));
        let reply = server.call(asked).await;
        assert_eq!(reply.refusal(), (404, "not_found", ""), "{method} {path}: {}", reply.body);
    }
    assert_eq!(own().await, before, "a stranger changed something");
}

#[tokio::test]
async fn a_cursor_that_names_nothing_is_refused_on_every_list() {
    let (server, _machines) = Harness::with_machines().await;
    let ids = things(&server).await;
    for (method, path, place, operation) in operations(&ids) {
        let named = operation["parameters"].as_array().cloned().unwrap_or_default();
        let has_cursor = named.iter().any(|own| own["name"] == "after" && own["in"] == "query");
        let is_absent = NOT_THERE.iter().any(|name| path.contains(name));
        if !has_cursor || is_absent || PLACES.contains(&path.as_str()) {
            continue;
        }
        for cursor in ["nonsense", "ses_none", "1", "item_zz"] {
            let asked =
                request(method.clone(), &format!("{place}?after={cursor}"), ADMIN, Body::empty());
            let reply = server.call(asked).await;
            assert_eq!(
                reply.refusal(),
                (400, "invalid_cursor", "after"),
                "{path} {cursor}: {}",
                reply.body
            );
        }
    }
}
