//! What is brought in under an id that it had elsewhere.

use serde_json::{Value, json};

use crate::support::{ADMIN, Harness, MOVER, STRANGER};

/// Collections with a body that creates one of theirs, and another body.
fn collections() -> Vec<(&'static str, Value, Value)> {
    vec![
        ("/v1/agents", json!({"model": "scripted", "name": "a"}), json!({"model": "scripted"})),
        ("/v1/vaults", json!({"name": "a", "metadata": {"k": "v"}}), json!({"name": "b"})),
    ]
}

#[tokio::test]
async fn an_id_is_kept_and_replaces_nothing() {
    let server = Harness::start().await;
    for (collection, body, other) in collections() {
        let path = format!("{collection}/import");
        let with_id = |body: &Value, id: &str| {
            let mut body = body.clone();
            body["id"] = json!(id);
            body
        };
        let first = server.post_as(MOVER, &path, &with_id(&body, "from_elsewhere")).await;
        assert_eq!(first.status.as_u16(), 200, "{path}: {}", first.body);
        assert_eq!(first.text("id"), "from_elsewhere");
        let found = server.get(&format!("{collection}/from_elsewhere")).await;
        assert_eq!(found.body, first.body, "{path}");
        // The same again is the same; another one changes nothing.
        let again = server.post_as(MOVER, &path, &with_id(&body, "from_elsewhere")).await;
        assert_eq!(again.body, first.body, "{path}");
        let taken = server.post_as(MOVER, &path, &with_id(&other, "from_elsewhere")).await;
        assert_eq!(taken.refusal(), (409, "conflict", "id"), "{path}");
        assert_eq!(taken.header("x-should-retry"), "false");
        let found = server.get(&format!("{collection}/from_elsewhere")).await;
        assert_eq!(found.body, first.body, "{path}");
        // It is nobody else's.
        let stranger = format!("{collection}/from_elsewhere");
        let stranger = server.get_as(STRANGER, &stranger).await;
        assert_eq!(stranger.refusal(), (404, "not_found", ""), "{path}");

        for (key, body, expected) in [
            (ADMIN, with_id(&body, "x"), (403, "forbidden", "")),
            (MOVER, body.clone(), (400, "missing_parameter", "id")),
            (MOVER, with_id(&body, "a/b"), (400, "invalid_parameter", "id")),
            (MOVER, with_id(&json!({"nonsense": 1}), "x"), (400, "unknown_parameter", "nonsense")),
        ] {
            let refused = server.post_as(key, &path, &body).await;
            assert_eq!(refused.refusal(), expected, "{path} {body}");
        }
    }
}
