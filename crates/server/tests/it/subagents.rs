//! Subagents of a session that has none: answered as any other list and id is.

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::support::{Harness, STRANGER, request};

#[tokio::test]
async fn a_session_without_subagents_has_an_empty_list() {
    let server = Harness::start().await;
    let session = server.session(json!({})).await;
    let path = format!("/v1/agents/sessions/{session}/subagents");
    let list = server.get(&format!("{path}?limit=5&order=asc")).await;
    assert_eq!(list.status, StatusCode::OK);
    assert_eq!(list.body["data"], json!([]));
    assert_eq!(list.body["has_more"], false);
    for rest in ["/sub_1", "/sub_1/items", "/sub_1/turns", "/sub_1/turns/t", "/sub_1/turns/t/items"]
    {
        let reply = server.get(&format!("{path}{rest}")).await;
        assert_eq!(reply.refusal(), (404, "not_found", ""), "{rest}");
        assert!(reply.body["error"]["message"].to_string().contains("subagent"), "{rest}");
    }
    for (query, code, param) in [
        ("after=sub_1", "invalid_cursor", "after"),
        ("limit=0", "invalid_parameter", "limit"),
        ("colour=red", "unknown_parameter", "colour"),
    ] {
        assert_eq!(server.get(&format!("{path}?{query}")).await.refusal(), (400, code, param));
    }
    let stranger = request(Method::GET, &path, STRANGER, axum::body::Body::empty());
    assert_eq!(server.call(stranger).await.refusal().0, 404);
}
