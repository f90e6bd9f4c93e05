//! Chat Completions within the limits of keys, and the journals of their days.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use mainstay_core::port::ModelErrorKind;
use mainstay_protocol::{Entry, Hash, canonical_value, sha256_hex};
use serde_json::{Value, json};

use crate::support::{ADMIN, Harness, Reply, STRANGER, Script, USER, request};

const PATH: &str = "/v1/chat/completions";

fn asking(change: &Value) -> Value {
    let mut body = json!({"model": "scripted", "messages": [{"role": "user", "content": "Hi"}]});
    for (member, value) in change.as_object().expect("a change is an object") {
        body[member] = value.clone();
    }
    body
}

/// A new key with this limit: its id and its secret.
async fn limited(server: &Harness, limit: Value) -> (String, String) {
    let made = server.post("/v1/keys", &json!({"name": "ci", "spend_limit": limit})).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.body);
    (made.text("id"), made.text("secret"))
}

async fn shown(server: &Harness, key: &str) -> Value {
    let keys = server.get("/v1/keys").await.body;
    let keys = keys["data"].as_array().expect("a list");
    keys.iter().find(|shown| shown["id"] == key).expect("the key is listed")["spend_limit"].clone()
}

/// The newest day's entries, verified.
async fn entries(server: &Harness) -> Vec<Entry> {
    let days = server.get("/v1/chat/journals").await.body;
    let id = days["data"][0]["id"].as_str().expect("a day has a journal").to_owned();
    let page = server.get(&format!("/v1/chat/journals/{id}?limit=1000")).await.body;
    let entries: Vec<Entry> = serde_json::from_value(page["data"].clone()).expect("entries");
    let mut end = (0, Hash::ZERO);
    for entry in &entries {
        entry.verify_after(end.0, end.1).expect("the chain holds");
        end = (entry.seq, entry.hash);
    }
    entries
}

fn payload(entry: &Entry) -> Value {
    serde_json::from_str(entry.payload.get()).expect("a payload is JSON")
}

fn refused(reply: &Reply) -> (u16, &str, &str) {
    (reply.status.as_u16(), reply.refusal().1, reply.header("x-should-retry"))
}

#[tokio::test]
async fn each_answer_leaves_two_entries_and_nothing_of_what_was_said() {
    let server = Harness::start().await;
    server.models.say([Script::text("A secret."), Script::Pieces(vec!["One, ", "two."])]);
    let body = asking(&json!({"mainstay": {"fallback_models": ["second"]}}));
    let first = server.post(PATH, &body).await;
    let streamed = server.post(PATH, &asking(&json!({"stream": true}))).await;
    assert!(streamed.body.as_str().expect("a stream").contains("[DONE]"));
    server.models.say([Script::Broken(vec![], ModelErrorKind::Refused)]);
    assert_eq!(server.post(PATH, &asking(&json!({}))).await.status, StatusCode::BAD_REQUEST);
    let entries = entries(&server).await;
    let told: Vec<(&str, Value)> =
        entries.iter().skip(1).map(|entry| (&*entry.kind, payload(entry))).collect();
    let outcomes: Vec<_> = told.iter().map(|(kind, fact)| (*kind, &fact["outcome"])).collect();
    let (asked, none) = (("chat.requested", &Value::Null), json!("failed"));
    let completed = json!("completed");
    let ended = ("chat.ended", &completed);
    assert_eq!(outcomes, [asked, ended, asked, ended, asked, ("chat.ended", &none)]);
    let requested = &told[0].1;
    assert_eq!(requested["completion"], first.body["id"]);
    assert_eq!(requested["key"], format!("key_{ADMIN}"));
    assert_eq!(requested["models"], json!(["scripted", "second"]));
    assert_eq!(requested["body_sha256"], sha256_hex(canonical_value(&body).as_bytes()));
    assert_eq!(requested["reserved_microusd"], Value::Null);
    assert_eq!(told[1].1["usage"]["cost_microusd"], 20_000);
    assert_eq!(told[1].1["model"], "scripted");
    assert_eq!(told[5].1["code"], "model_refused");
    let all = serde_json::to_string(&entries).expect("entries are JSON");
    assert!(!all.contains("secret") && !all.contains("two"), "{all}");
}

#[tokio::test]
async fn journals_belong_to_a_tenant_and_its_administrators() {
    let server = Harness::start().await;
    let nothing = server.get("/v1/chat/journals").await.body;
    assert_eq!(nothing["data"], json!([]));
    server.post(PATH, &asking(&json!({}))).await;
    let id = server.get("/v1/chat/journals").await.body["data"][0]["id"].clone();
    let path = format!("/v1/chat/journals/{}", id.as_str().expect("an id"));
    assert_eq!(server.get(&path).await.status, StatusCode::OK);
    for path in ["/v1/chat/journals", &path] {
        assert_eq!(server.get_as(USER, path).await.refusal(), (403, "forbidden", ""));
    }
    assert_eq!(server.get_as(STRANGER, "/v1/chat/journals").await.body["data"], json!([]));
    assert_eq!(server.get_as(STRANGER, &path).await.refusal(), (404, "not_found", ""));
    for missing in ["/v1/chat/journals/chat:ten_a:1999-01-01", "/v1/chat/journals/control:ten_a"] {
        assert_eq!(server.get(missing).await.refusal(), (404, "not_found", ""), "{missing}");
    }
    let page = server.get(&format!("{path}?limit=2")).await.body;
    assert_eq!((page["has_more"].clone(), page["last_seq"].clone()), (json!(true), json!(2)));
    let unknown = server.get("/v1/chat/journals?after=chat:ten_b:2026-01-31").await;
    assert_eq!(unknown.refusal(), (400, "invalid_cursor", "after"));
}

#[tokio::test]
async fn a_key_spends_what_its_limit_allows() {
    let server = Harness::start().await;
    let (key, secret) = limited(&server, json!({"limit_usd": 0.05, "period": "total"})).await;
    for stream in [false, true] {
        let reply = server.post_as(&secret, PATH, &asking(&json!({"stream": stream}))).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    }
    assert_eq!(
        shown(&server, &key).await,
        json!({"limit_usd": 0.05, "period": "total", "spent_usd": 0.04, "reserved_usd": 0.0, "resets_at": null})
    );
    let asked = server.models.take_requests().len();
    for stream in [false, true] {
        let reply = server.post_as(&secret, PATH, &asking(&json!({"stream": stream}))).await;
        assert_eq!(refused(&reply), (409, "budget_reached", "false"));
        let message = reply.body["error"]["message"].as_str().expect("a message");
        assert!(message.contains("0.01 of 0.05 USD are left"), "{message}");
    }
    assert!(server.models.take_requests().is_empty(), "{asked} were asked before");
    // A shorter answer fits, a model without a price too, and other keys spend as they like.
    let short = server.post_as(&secret, PATH, &asking(&json!({"max_tokens": 5_000}))).await;
    assert_eq!(short.status, StatusCode::OK, "{}", short.body);
    assert_eq!(server.post(PATH, &asking(&json!({}))).await.status, StatusCode::OK);
    // It cost more than it was to: nothing is left, and what has no price is refused with the rest.
    let unpriced = asking(&json!({"model": "unpriced"}));
    assert_eq!(server.post_as(&secret, PATH, &unpriced).await.refusal().1, "budget_reached");
    let path = format!("/v1/keys/{key}");
    let raised = json!({"spend_limit": {"limit_usd": 1, "period": "month"}});
    let raised = server.post(&path, &raised).await;
    assert_eq!(raised.body["spend_limit"]["spent_usd"], json!(0.06));
    assert!(raised.body["spend_limit"]["resets_at"].is_u64(), "{}", raised.body);
    assert_eq!(server.post_as(&secret, PATH, &asking(&json!({}))).await.status, StatusCode::OK);
    let free = server.post(&path, &json!({"spend_limit": null})).await;
    assert_eq!(free.body["spend_limit"], Value::Null);
    assert_eq!(server.post_as(&secret, PATH, &unpriced).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_asked_again_under_a_key_is_spent_once() {
    let server = Harness::start().await;
    let (key, secret) = limited(&server, json!({"limit_usd": 0.02, "period": "day"})).await;
    for _ in 0..2 {
        let body = Body::from(asking(&json!({})).to_string());
        let mut again = request(Method::POST, PATH, &secret, body);
        again.headers_mut().insert("idempotency-key", "same".parse().expect("plain"));
        assert_eq!(server.call(again).await.status, StatusCode::OK);
    }
    assert_eq!(shown(&server, &key).await["spent_usd"], json!(0.02));
}

#[tokio::test]
async fn limits_that_cannot_be_set() {
    let server = Harness::start().await;
    let (key, _) = limited(&server, json!({"limit_usd": 0, "period": "day"})).await;
    let path = format!("/v1/keys/{key}");
    let cases = [
        (json!({}), (400, "missing_parameter", "spend_limit")),
        (json!({"name": "other"}), (400, "unknown_parameter", "name")),
        (
            json!({"spend_limit": {"limit_usd": 1}}),
            (400, "missing_parameter", "spend_limit.period"),
        ),
        (
            json!({"spend_limit": {"limit_usd": -1, "period": "day"}}),
            (400, "invalid_parameter", "spend_limit.limit_usd"),
        ),
        (
            json!({"spend_limit": {"limit_usd": 1, "period": "week"}}),
            (400, "invalid_parameter", "spend_limit.period"),
        ),
        (
            json!({"spend_limit": {"limit": 1, "period": "day"}}),
            (400, "unknown_parameter", "spend_limit.limit"),
        ),
    ];
    for (body, refusal) in cases {
        assert_eq!(server.post(&path, &body).await.refusal(), refusal, "{body}");
    }
    let limit = json!({"spend_limit": {"limit_usd": 1, "period": "day"}});
    assert_eq!(server.post_as(USER, &path, &limit).await.refusal(), (403, "forbidden", ""));
    assert_eq!(server.post_as(STRANGER, &path, &limit).await.refusal(), (404, "not_found", ""));
    server.delete(&path).await;
    assert_eq!(server.post(&path, &limit).await.refusal(), (404, "not_found", ""));
}

#[tokio::test]
async fn a_compaction_is_counted_as_a_completion_is() {
    let server = Harness::start().await;
    let (key, secret) = limited(&server, json!({"limit_usd": 0.03, "period": "month"})).await;
    let body = json!({"model": "scripted", "input": "A long story."});
    let compact = async || server.post_as(&secret, "/v1/responses/compact", &body).await;
    let first = compact().await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.body);
    assert_eq!(shown(&server, &key).await["spent_usd"], json!(0.02));
    assert_eq!(compact().await.status, StatusCode::OK);
    assert_eq!(refused(&compact().await), (409, "budget_reached", "false"));
    let entries = entries(&server).await;
    assert_eq!(payload(&entries[1])["completion"], first.body["id"]);
    assert_eq!(payload(&entries[1])["reserved_microusd"].as_u64().map(|most| most > 0), Some(true));
    assert_eq!(entries.len(), 5);
}
