//! Templates of environments, and environments without a session.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Harness, MOVER, STRANGER, redact, request};

const ENVIRONMENTS: &str = "/v1/agents/environments";
const TEMPLATES: &str = "/v1/agents/environments/templates";

fn everything() -> Value {
    json!({
        "name": " Build box ",
        "capability_directories": ["/workspace/skills"],
        "desktop": {"enabled": false},
        "env": {"TOKEN": "a-secret-value"},
        "files": [
            {"type": "inline", "path": "/workspace/a.txt", "data": "c2VjcmV0IGZpbGU="},
            {"type": "file_id", "path": "/workspace/b.txt", "file_id": "file_1"},
        ],
        "network": {"access": "restricted", "allowed_domains": ["example.com"]},
        "packages": {"python": ["requests"]},
        "plugins": [{"type": "inline", "name": "p", "description": "A plugin.",
            "source": {"type": "base64", "media_type": "application/zip", "data": "UEsDsecret"}}],
        "setup_commands": [{"command": "echo secret command"}],
        "skills": [
            {"type": "skill_reference", "skill_id": "skill_1"},
            {"type": "inline", "name": "s", "description": "A skill.",
                "source": {"type": "base64", "media_type": "application/zip", "data": "UEsDsecret"}},
        ],
    })
}

#[tokio::test]
async fn a_template_is_kept_without_showing_what_is_confidential() {
    let server = Harness::start().await;
    let made = server.post(TEMPLATES, &everything()).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    assert!(!made.body.to_string().contains("secret"), "{}", made.body);
    let path = format!("{TEMPLATES}/{}", made.text("id"));
    assert_eq!(server.get(&path).await.body, made.body);
    let mut shown = made.body.clone();
    shown["id"] = json!("[id]");
    insta::assert_json_snapshot!(redact(&shown));
    // The journal of the tenant's resources and the rows hold nothing readable either.
    let changed = server.post(&path, &json!({"name": null, "packages": null})).await;
    let mut expected = made.body.clone();
    expected["name"] = Value::Null;
    expected["packages"]["python"] = json!([]);
    assert_eq!(changed.body, expected);
    let same = server.post(&path, &json!({"env": {"TOKEN": "a-secret-value"}})).await;
    assert_eq!(same.body, expected);
    let network = server.post(&path, &json!({"network": null})).await;
    assert_eq!(network.body["network"], json!({"access": "disabled", "allowed_domains": []}));
    let gone = server.delete(&path).await;
    assert_eq!(gone.body["object"], "agent.environment.template.deleted");
    assert_eq!(server.get(&path).await.refusal(), (404, "not_found", ""));
    assert_eq!(server.delete(&path).await.refusal(), (404, "not_found", ""));
}

#[tokio::test]
async fn templates_are_listed_imported_and_not_another_tenants() {
    let server = Harness::start().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(server.post_text(TEMPLATES, "").await.text("id"));
        server.clock.advance(1);
    }
    let page = server.get(&format!("{TEMPLATES}?order=asc&limit=2")).await.body;
    assert_eq!((&page["has_more"], &page["last_id"]), (&json!(true), &json!(ids[1])));
    let rest = server.get(&format!("{TEMPLATES}?order=asc&after={}", ids[1])).await.body;
    assert_eq!(rest["data"][0]["id"], ids[2].as_str());
    let path = format!("{TEMPLATES}/{}", ids[0]);
    let stranger = request(Method::GET, &path, STRANGER, Body::empty());
    assert_eq!(server.call(stranger).await.refusal().0, 404);
    let import = |change: Value| {
        let mut body = everything();
        body["id"] = json!("environment_template_id");
        for (member, value) in change.as_object().expect("an object") {
            body[member] = value.clone();
        }
        request(Method::POST, &format!("{TEMPLATES}/import"), MOVER, Body::from(body.to_string()))
    };
    for _ in 0..2 {
        let reply = server.call(import(json!({}))).await;
        assert_eq!(reply.text("id"), "environment_template_id", "{}", reply.body);
    }
    let other = server.call(import(json!({"env": {"TOKEN": "another"}}))).await;
    assert_eq!(other.refusal(), (409, "conflict", "id"));
    let body = json!({"id": "x"});
    assert_eq!(server.post(&format!("{TEMPLATES}/import"), &body).await.refusal().0, 403);
}

#[tokio::test]
async fn a_key_makes_one_template() {
    let server = Harness::start().await;
    let first = server.post_keyed(TEMPLATES, "k", &json!({"name": "a"})).await;
    let again = server.post_keyed(TEMPLATES, "k", &json!({"name": "a"})).await;
    assert_eq!(first.body, again.body);
    let other = server.post_keyed(TEMPLATES, "k", &json!({"name": "b"})).await;
    assert_eq!(other.refusal().1, "idempotency_conflict");
}

#[tokio::test]
async fn templates_that_cannot_be() {
    let server = Harness::start().await;
    let file = |data: &str| json!([{"type": "inline", "path": "/workspace/a", "data": data}]);
    for (body, code, param) in [
        (json!({"colour": "red"}), "unknown_parameter", "colour"),
        (json!({"name": " "}), "invalid_parameter", "name"),
        (json!({"environment_id": "env_1"}), "unknown_parameter", "environment_id"),
        (json!({"files": file("not base 64")}), "invalid_parameter", "files[0].data"),
        (json!({"files": [{"type": "url"}]}), "invalid_parameter", "files[0].type"),
        (
            json!({"network": {"access": "enabled", "allowed_domains": ["a.test"]}}),
            "invalid_parameter",
            "network.allowed_domains",
        ),
        (
            json!({"network": {"access": "restricted", "allowed_domains": ["a.test"], "blocked_domains": ["b.test"]}}),
            "invalid_parameter",
            "network.blocked_domains",
        ),
        (json!({"env": {"A": 1}}), "invalid_parameter", "env.A"),
    ] {
        let reply = server.post(TEMPLATES, &body).await;
        assert_eq!(reply.refusal(), (400, code, param), "{body}\n{}", reply.body);
    }
}

#[tokio::test]
async fn no_environment_can_be_made_without_its_session() {
    let server = Harness::start().await;
    let hosted = json!({"environment": {"type": "openai_hosted", "env": {"A": "b"}}});
    let refused = server.post(ENVIRONMENTS, &hosted).await;
    assert_eq!(refused.refusal(), (400, "unsupported", "environment"));
    assert!(refused.body["error"]["message"].to_string().contains("/v1/agents/sessions"));
    assert_eq!(server.get(ENVIRONMENTS).await.body["data"], json!([]));
    let path = format!("{ENVIRONMENTS}/env_1");
    assert_eq!(server.get(&path).await.refusal(), (404, "not_found", ""));
    assert_eq!(server.get(&format!("{path}/files")).await.refusal(), (404, "not_found", ""));
    let file = json!({"type": "inline", "path": "/workspace/a", "data": "YQ=="});
    assert_eq!(server.post(&format!("{path}/files"), &file).await.refusal().0, 404);
    for (body, code, param) in [
        (json!({}), "missing_parameter", "environment"),
        (json!({"environment": {"type": "none"}}), "invalid_parameter", "environment.type"),
        (
            json!({"environment": {"type": "openai_hosted", "environment_template_id": "envt_no"}}),
            "not_found",
            "",
        ),
        (
            json!({"environment": {"type": "openai_hosted"}, "vault_ids": ["vault_no"]}),
            "not_found",
            "vault_ids[0]",
        ),
    ] {
        let reply = server.post(ENVIRONMENTS, &body).await;
        assert_eq!((reply.refusal().1, reply.refusal().2), (code, param), "{body}");
    }
    for (query, param) in [("type=self_hosted", "type"), ("after=env_1", "after"), ("x=1", "x")] {
        assert_eq!(server.get(&format!("{ENVIRONMENTS}?{query}")).await.refusal().2, param);
    }
}
