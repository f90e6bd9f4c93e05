//! Keys: made, listed, revoked.

use axum::body::Body;
use axum::http::Method;
use serde_json::json;

use crate::support::{ADMIN, Harness, STRANGER, redact, request};

#[tokio::test]
async fn a_key_opens_what_its_scopes_allow_until_it_is_revoked() {
    let server = Harness::start().await;
    let made = server.post("/v1/keys", &json!({"name": "ci"})).await;
    assert_eq!(made.status.as_u16(), 200);
    insta::assert_json_snapshot!("new_key", redact(&made.body));
    let secret = made.text("secret");
    let with = |path: &str| server.call(request(Method::GET, path, &secret, Body::empty()));
    assert_eq!(with("/v1/agents").await.status.as_u16(), 200);
    assert_eq!(with("/v1/keys").await.refusal(), (403, "forbidden", ""));
    let listed = server.get("/v1/keys").await.body;
    let mine =
        listed["data"].as_array().expect("a list").iter().find(|key| key["id"] == made.body["id"]);
    assert_eq!(mine.expect("the key is listed")["secret"], json!(null));
    let path = format!("/v1/keys/{}", made.text("id"));
    let foreign = server.call(request(Method::DELETE, &path, STRANGER, Body::empty())).await;
    assert_eq!(foreign.refusal(), (404, "not_found", ""));
    let gone = server.delete(&path).await;
    assert_eq!(gone.body, json!({"id": made.text("id"), "object": "key.deleted", "deleted": true}));
    assert_eq!(with("/v1/agents").await.refusal(), (401, "unauthenticated", ""));
    assert_eq!(server.delete(&path).await.refusal(), (404, "not_found", ""));
}

#[tokio::test]
async fn keys_that_cannot_be_made() {
    let server = Harness::start().await;
    let cases = [
        (json!({}), "missing_parameter", "name"),
        (json!({"name": ""}), "invalid_parameter", "name"),
        (json!({"name": "a", "scopes": []}), "invalid_parameter", "scopes"),
        (json!({"name": "a", "scopes": ["root"]}), "invalid_parameter", "scopes[0]"),
        (json!({"name": "a", "for": "b"}), "unknown_parameter", "for"),
    ];
    for (body, code, param) in cases {
        assert_eq!(server.post("/v1/keys", &body).await.refusal(), (400, code, param), "{body}");
    }
    let reply = server.call(request(Method::GET, "/metrics", ADMIN, Body::empty())).await;
    assert_eq!(reply.status.as_u16(), 200);
}
