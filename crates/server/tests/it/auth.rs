//! Who may call what.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;

use crate::support::{ADMIN, Harness, STRANGER, USER, request};

#[tokio::test]
async fn nothing_but_health_answers_without_a_key() {
    let server = Harness::start().await;
    let paths = [
        ("GET", "/v1/agents"),
        ("POST", "/v1/agents"),
        ("GET", "/v1/agents/sessions"),
        ("GET", "/v1/agents/sessions/ses_x/events"),
        ("GET", "/v1/agents/sessions/ses_x/journal"),
        ("GET", "/v1/models"),
        ("GET", "/v1/keys"),
        ("GET", "/metrics"),
        ("GET", "/nowhere"),
        ("PUT", "/v1/agents"),
    ];
    for (method, path) in paths {
        for header in [None, Some("Basic abc"), Some("Bearer "), Some("Bearer msk_wrong")] {
            let mut builder = Request::builder().method(method).uri(path);
            if let Some(value) = header {
                builder = builder.header("authorization", value);
            }
            let reply = server.call(builder.body(Body::empty()).expect("well-formed")).await;
            assert_eq!(reply.refusal(), (401, "unauthenticated", ""), "{method} {path} {header:?}");
            assert_eq!(reply.header("www-authenticate"), "Bearer");
            assert_eq!(reply.body["error"]["type"], "authentication_error");
        }
    }
}

#[tokio::test]
async fn health_needs_no_key() {
    let server = Harness::start().await;
    for (path, body) in [
        ("/health", json!({"status": "ok", "version": "0.0.0-test"})),
        ("/health/ready", json!({"status": "ok", "version": "0.0.0-test", "store": "memory"})),
    ] {
        let plain = Request::builder().uri(path).body(Body::empty()).expect("well-formed");
        let reply = server.call(plain).await;
        assert_eq!((reply.status.as_u16(), reply.body), (200, body));
    }
}

#[tokio::test]
async fn keys_and_metrics_need_the_admin_scope() {
    let server = Harness::start().await;
    for (method, path) in
        [(Method::GET, "/v1/keys"), (Method::DELETE, "/v1/keys/key_x"), (Method::GET, "/metrics")]
    {
        let reply = server.call(request(method, path, USER, Body::empty())).await;
        assert_eq!(reply.refusal(), (403, "forbidden", ""), "{path}");
    }
}

#[tokio::test]
async fn what_is_another_tenants_does_not_exist() {
    let server = Harness::start().await;
    let agent = server.post("/v1/agents", &json!({"model": "scripted"})).await.text("id");
    let session = server.session(json!({"input": "hello"})).await;
    let turns = server.get(&format!("/v1/agents/sessions/{session}/turns")).await;
    let turn = turns.body["data"][0]["id"].as_str().expect("a turn").to_owned();
    let input = json!({"events": [{"type": "agent.session.input.cancel"}]}).to_string();
    let own = [
        (Method::GET, format!("/v1/agents/{agent}"), String::new()),
        (Method::POST, format!("/v1/agents/{agent}"), "{}".to_owned()),
        (Method::DELETE, format!("/v1/agents/{agent}"), String::new()),
        (Method::GET, format!("/v1/agents/sessions/{session}"), String::new()),
        (Method::POST, format!("/v1/agents/sessions/{session}"), "{}".to_owned()),
        (Method::DELETE, format!("/v1/agents/sessions/{session}"), String::new()),
        (Method::GET, format!("/v1/agents/sessions/{session}/events"), String::new()),
        (Method::POST, format!("/v1/agents/sessions/{session}/events"), input),
        (Method::GET, format!("/v1/agents/sessions/{session}/items"), String::new()),
        (Method::GET, format!("/v1/agents/sessions/{session}/turns"), String::new()),
        (Method::GET, format!("/v1/agents/sessions/{session}/turns/{turn}"), String::new()),
        (Method::GET, format!("/v1/agents/sessions/{session}/turns/{turn}/items"), String::new()),
        (Method::GET, format!("/v1/agents/sessions/{session}/journal"), String::new()),
    ];
    for (method, path, body) in own {
        let reply = server.call(request(method.clone(), &path, STRANGER, Body::from(body))).await;
        assert_eq!(reply.refusal(), (404, "not_found", ""), "{method} {path}");
    }
    let uses = json!({"environment": {"type": "none"}, "agent_id": agent}).to_string();
    let reply =
        server.call(request(Method::POST, "/v1/agents/sessions", STRANGER, Body::from(uses))).await;
    assert_eq!(reply.refusal(), (404, "not_found", "agent_id"));
    let lists =
        ["/v1/agents", "/v1/agents/sessions", &format!("/v1/agents/sessions?agent_id={agent}")];
    for path in lists {
        let reply = server.call(request(Method::GET, path, STRANGER, Body::empty())).await;
        assert_eq!(reply.body["data"], json!([]), "{path}");
    }
    let still =
        server.call(request(Method::GET, &format!("/v1/agents/{agent}"), ADMIN, Body::empty()));
    assert_eq!(still.await.status.as_u16(), 200);
}

#[tokio::test]
async fn every_answer_has_a_request_id() {
    let server = Harness::start().await;
    let mut ids = Vec::new();
    for path in ["/health", "/v1/agents", "/nowhere", "/v1/agents/agent_none"] {
        let reply = server.get(path).await;
        ids.push(reply.header("x-request-id").to_owned());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4, "{ids:?}");
    assert!(ids.iter().all(|id| id.starts_with("req_")), "{ids:?}");
}
