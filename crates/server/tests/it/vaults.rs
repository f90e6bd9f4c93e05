//! Vaults.

use serde_json::{Value, json};

use crate::support::{Harness, STRANGER};

async fn vault(server: &Harness, body: Value) -> String {
    let reply = server.post("/v1/vaults", &body).await;
    assert_eq!(reply.status.as_u16(), 200, "{}", reply.body);
    reply.text("id")
}

#[tokio::test]
async fn a_vault_is_made_changed_and_deleted() {
    let server = Harness::start().await;
    let made = server.post("/v1/vaults", &json!({"name": " Ops ", "metadata": {"a": "1"}})).await;
    let path = format!("/v1/vaults/{}", made.text("id"));
    assert_eq!(
        made.body,
        json!({
            "id": made.text("id"), "object": "vault", "created_at": 1_790_000_000,
            "metadata": {"a": "1"}, "name": "Ops",
        })
    );
    for (change, name, metadata) in [
        (json!({}), json!("Ops"), json!({"a": "1"})),
        (json!({"metadata": {}}), json!("Ops"), json!({})),
        (json!({"name": null, "metadata": {"b": "2"}}), json!(null), json!({"b": "2"})),
        (json!({"name": "Bank"}), json!("Bank"), json!({"b": "2"})),
    ] {
        let changed = server.post(&path, &change).await.body;
        assert_eq!((&changed["name"], &changed["metadata"]), (&name, &metadata), "{change}");
        assert_eq!(server.get(&path).await.body, changed);
    }
    let deleted = server.delete(&path).await.body;
    let expected = json!({"id": made.text("id"), "object": "vault.deleted", "deleted": true});
    assert_eq!(deleted, expected);
    assert_eq!(server.get(&path).await.refusal(), (404, "not_found", ""));
    assert_eq!(server.delete(&path).await.refusal(), (404, "not_found", ""));
}

#[tokio::test]
async fn lists_go_by_pages_and_filters() {
    let server = Harness::start().await;
    let mut ids = Vec::new();
    for number in 0..3 {
        let body = json!({"name": format!("v{number}"), "metadata": {"parity": if number % 2 == 0 { "even" } else { "odd" }}});
        ids.push(vault(&server, body).await);
        server.clock.advance(1);
    }
    for (query, expected) in [
        ("", vec![2, 1, 0]),
        ("?order=asc&limit=2", vec![0, 1]),
        (&format!("?after={}", ids[1]), vec![0]),
        ("?metadata%5Bparity%5D=even", vec![2, 0]),
        ("?status=active", vec![2, 1, 0]),
        ("?status%5B%5D=active&status%5B%5D=archived", vec![2, 1, 0]),
        ("?status=archived", vec![]),
    ] {
        let page = server.get(&format!("/v1/vaults{query}")).await.body;
        let found: Vec<_> = page["data"].as_array().expect("a list").iter().collect();
        let found: Vec<_> = found.iter().map(|vault| vault["id"].as_str().unwrap_or("")).collect();
        let expected: Vec<_> = expected.iter().map(|index: &usize| ids[*index].as_str()).collect();
        assert_eq!(found, expected, "{query}");
    }
    let theirs = server.get_as(STRANGER, "/v1/vaults").await.body;
    assert_eq!(theirs["data"], json!([]));
}

#[tokio::test]
async fn bad_input_is_refused_by_name() {
    let server = Harness::start().await;
    let id = vault(&server, json!({})).await;
    let one = format!("/v1/vaults/{id}");
    for (path, body, expected) in [
        ("/v1/vaults", json!({"name": ""}), (400, "invalid_parameter", "name")),
        ("/v1/vaults", json!({"name": "  "}), (400, "invalid_parameter", "name")),
        ("/v1/vaults", json!({"name": "x".repeat(257)}), (400, "invalid_parameter", "name")),
        ("/v1/vaults", json!({"name": 3}), (400, "invalid_parameter", "name")),
        ("/v1/vaults", json!({"name": null}), (400, "invalid_parameter", "name")),
        ("/v1/vaults", json!({"color": 3}), (400, "unknown_parameter", "color")),
        (&one, json!({"metadata": {"": "x"}}), (400, "invalid_parameter", "metadata")),
        (&one, json!({"metadata": null}), (400, "invalid_parameter", "metadata")),
        ("/v1/vaults/nobody", json!({}), (404, "not_found", "")),
    ] {
        assert_eq!(server.post(path, &body).await.refusal(), expected, "{path} {body}");
    }
    for (query, param) in [
        ("status=gone", "status"),
        ("status=active&status=active", "status"),
        ("limit=0", "limit"),
        ("colour=red", "colour"),
        ("colour%5B%5D=red", "colour[]"),
    ] {
        let reply = server.get(&format!("/v1/vaults?{query}")).await;
        assert_eq!((reply.refusal().0, reply.refusal().2), (400, param), "{query}");
    }
    let cursor = server.get("/v1/vaults?after=nobody").await;
    assert_eq!(cursor.refusal(), (400, "invalid_cursor", "after"));
}

#[tokio::test]
async fn a_request_sent_twice_is_done_once() {
    let server = Harness::start().await;
    let body = json!({"name": "v"});
    let first = server.post_keyed("/v1/vaults", "key-1", &body).await;
    let again = server.post_keyed("/v1/vaults", "key-1", &body).await;
    assert_eq!(first.body, again.body);
    let other = server.post_keyed("/v1/vaults", "key-1", &json!({"name": "w"})).await;
    assert_eq!(other.refusal(), (409, "idempotency_conflict", ""));
    // The key of another request.
    let path = format!("/v1/vaults/{}", first.text("id"));
    let renamed = server.post_keyed(&path, "key-1", &json!({"name": "w"})).await;
    assert_eq!(renamed.body["name"], "w");
    server.post(&path, &json!({"name": "x"})).await;
    let again = server.post_keyed(&path, "key-1", &json!({"name": "w"})).await;
    assert_eq!(again.body["name"], "x", "the vault as it is now");
    assert_eq!(server.get("/v1/vaults").await.body["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn changes_at_the_same_time_lose_nothing() {
    let server = Harness::start().await;
    let id = vault(&server, json!({"name": "v", "metadata": {"k": "v"}})).await;
    let path = format!("/v1/vaults/{id}");
    let (name, metadata) = (json!({"name": "renamed"}), json!({"metadata": {"k": "changed"}}));
    let (one, other) = tokio::join!(server.post(&path, &name), server.post(&path, &metadata));
    assert_eq!((one.status.as_u16(), other.status.as_u16()), (200, 200));
    let vault = server.get(&path).await.body;
    assert_eq!((&vault["name"], &vault["metadata"]["k"]), (&json!("renamed"), &json!("changed")));
}
