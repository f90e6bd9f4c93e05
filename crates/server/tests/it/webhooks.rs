//! Webhook endpoints: kept, told what happens, tried again, replayed.

use mainstay_core::port::{CourierError, Parcel, SecretText};
use mainstay_runtime::WebhookSecret;
use serde_json::{Value, json};

use crate::support::{Harness, MOVER, STRANGER, Script, result, say, two_tools};

const ALL: [&str; 5] = [
    "agent.session.created",
    "agent.session.action_required",
    "agent.session.in_progress",
    "agent.session.idle",
    "agent.session.failed",
];
const URL: &str = "https://hooks.test/in";

fn endpoint(types: &[&str]) -> Value {
    json!({"name": "hook", "url": URL, "event_types": types})
}

async fn made(server: &Harness, body: &Value) -> Value {
    let reply = server.post("/v1/webhook_endpoints", body).await;
    assert_eq!(reply.status.as_u16(), 200, "{}", reply.body);
    reply.body
}

fn path(endpoint: &Value) -> String {
    format!("/v1/webhook_endpoints/{}", endpoint["id"].as_str().expect("an id"))
}

fn secret(endpoint: &Value) -> WebhookSecret {
    let text = endpoint["signing_secret"].as_str().expect("a secret").to_owned();
    WebhookSecret::parse(SecretText::from(text)).expect("a secret in its form")
}

fn header<'a>(parcel: &'a Parcel, name: &str) -> &'a str {
    let found = parcel.headers.iter().find(|(own, _)| *own == name);
    &found.unwrap_or_else(|| panic!("{name} of {:?}", parcel.headers)).1
}

fn body(parcel: &Parcel) -> Value {
    serde_json::from_str(parcel.body.expose()).expect("JSON")
}

fn signature(parcel: &Parcel, secret: &WebhookSecret) -> String {
    let at = header(parcel, "webhook-timestamp").parse().expect("seconds");
    secret.sign(header(parcel, "webhook-id"), at, parcel.body.expose())
}

async fn turn(server: &Harness, agent: Value) -> String {
    let session = server.session(json!({"agent": agent})).await;
    let path = format!("/v1/agents/sessions/{session}/events");
    let mut stream = server.stream(&path).await;
    server.post(&path, &say("go")).await;
    stream
        .until(|event| {
            ["agent.session.idle", "agent.session.requires_action", "agent.session.failed"]
                .into_iter()
                .any(|kind| event["type"] == kind)
        })
        .await;
    session
}

/// The only delivery, once it has this status and this many attempts.
async fn settled(server: &Harness, endpoint: &Value, status: &str, attempts: u64) -> Value {
    let path = format!("{}/deliveries", path(endpoint));
    loop {
        let list = server.get(&path).await.body;
        let found = &list["data"][0];
        if found["status"] == status && found["attempts"] == attempts {
            return found.clone();
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_endpoint_is_made_changed_and_deleted() {
    let server = Harness::start().await;
    let first = made(&server, &endpoint(&["agent.session.idle", "agent.session.created"])).await;
    let path = path(&first);
    assert!(secret(&first).hint() == first["signing_secret_hint"].as_str().unwrap_or(""));
    let mut shown = first.clone();
    shown.as_object_mut().expect("an object").remove("signing_secret");
    assert_eq!(server.get(&path).await.body, shown);
    assert_eq!(shown["event_types"], json!(["agent.session.created", "agent.session.idle"]));
    server.clock.advance(2_000);
    let same = server.post(&path, &json!({"name": "hook"})).await.body;
    assert_eq!(same["updated_at"], first["updated_at"], "nothing changed");
    let changed = server.post(&path, &json!({"url": "https://b.test", "name": "b"})).await.body;
    assert_eq!((&changed["url"], &changed["name"]), (&json!("https://b.test"), &json!("b")));
    assert_ne!(changed["updated_at"], first["updated_at"]);
    let rotated = server.post(&format!("{path}/rotate_secret"), &json!({})).await.body;
    assert_ne!(rotated["signing_secret"], first["signing_secret"]);
    assert_eq!(server.get(&path).await.body["signing_secret"], json!(null));
    assert_eq!(server.get_as(STRANGER, &path).await.refusal(), (404, "not_found", ""));
    let list = server.get("/v1/webhook_endpoints").await.body;
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(list["data"][0].get("signing_secret"), None);
    let types = server.get("/v1/webhook_event_types").await.body;
    assert_eq!(types, json!({"object": "list", "data": ALL}));
    let deleted = server.delete(&path).await.body;
    assert_eq!(deleted["object"], "webhook_endpoint.deleted");
    assert_eq!(server.get(&path).await.refusal(), (404, "not_found", ""));
}

#[tokio::test]
async fn bad_endpoints_are_refused_by_name() {
    let server = Harness::start().await;
    let types = ["agent.session.idle"];
    let with = |member: &str, value: Value| {
        let mut body = endpoint(&types);
        body[member] = value;
        body
    };
    let one = path(&made(&server, &endpoint(&types)).await);
    let (rotate, test) = (format!("{one}/rotate_secret"), format!("{one}/test"));
    let all = "/v1/webhook_endpoints";
    for (path, body, expected) in [
        (all, with("url", json!("https://")), (400, "invalid_parameter", "url")),
        (all, with("url", json!("http://hooks.test")), (400, "invalid_parameter", "url")),
        (all, with("url", json!("https://10.0.0.1/")), (400, "invalid_parameter", "url")),
        (all, with("name", json!("")), (400, "invalid_parameter", "name")),
        (all, with("event_types", json!([])), (400, "invalid_parameter", "event_types")),
        (
            all,
            with("event_types", json!(["batch.completed"])),
            (400, "unsupported", "event_types[0]"),
        ),
        (all, with("secret", json!("x")), (400, "unknown_parameter", "secret")),
        (all, json!({}), (400, "missing_parameter", "name")),
        (&one, json!({"url": null}), (400, "invalid_parameter", "url")),
        (&rotate, json!({"keep": true}), (400, "unknown_parameter", "keep")),
        (&test, json!({"event_type": "x"}), (400, "unsupported", "event_type")),
        (
            "/v1/webhook_endpoints/nobody/test",
            json!({"event_type": "agent.session.idle"}),
            (404, "not_found", ""),
        ),
    ] {
        assert_eq!(server.post(path, &body).await.refusal(), expected, "{path} {body}");
    }
    let list = server.get(&format!("{one}/deliveries?status=lost")).await;
    assert_eq!(list.refusal(), (400, "invalid_parameter", "status"));
    let none = server.get(&format!("{one}/deliveries/nobody")).await;
    assert_eq!(none.refusal(), (404, "not_found", ""));
    assert_eq!(server.courier.count(), 0);
}

#[tokio::test]
async fn a_session_tells_what_happens_to_it() {
    let server = Harness::start().await;
    let endpoint = made(&server, &endpoint(&ALL)).await;
    server
        .models
        .say([Script::calls(&[("call_a", "lookup", r#"{"id":1}"#)]), Script::text("Done.")]);
    let session = turn(&server, two_tools()).await;
    let sent = server.courier.sent(3).await;
    let events = format!("/v1/agents/sessions/{session}/events");
    let shown = server.get(&format!("/v1/agents/sessions/{session}")).await.body;
    let turn = shown["required_actions"][0]["turn_id"].as_str().expect("a turn").to_owned();
    server.post(&events, &result(&turn, "call_a", "Ada")).await;
    let sent = [sent, server.courier.sent(5).await.split_off(3)].concat();
    let mut told: Vec<(String, Value)> = sent
        .iter()
        .map(|parcel| (body(parcel)["type"].to_string(), body(parcel)["data"].clone()))
        .collect();
    told.sort_by(|one, other| one.0.cmp(&other.0));
    let plain = json!({"id": session, "environment_type": "none"});
    let asked = json!({"id": session, "required_action": {"type": "function_call"}});
    let expected = [
        ("action_required", asked),
        ("created", plain.clone()),
        ("idle", plain.clone()),
        ("in_progress", plain.clone()),
        ("in_progress", plain),
    ];
    let expected = expected.map(|(kind, data)| (format!("\"agent.session.{kind}\""), data));
    assert_eq!(told, expected);
    for parcel in &sent {
        assert_eq!(parcel.url, URL);
        assert_eq!(header(parcel, "webhook-id"), body(parcel)["id"]);
        assert_eq!(header(parcel, "webhook-signature"), signature(parcel, &secret(&endpoint)));
        assert_eq!(
            (&body(parcel)["object"], &body(parcel)["created_at"]),
            (&json!("event"), &json!(1_790_000_000))
        );
    }
    let mut ids: Vec<_> = sent.iter().map(|parcel| header(parcel, "webhook-id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

#[tokio::test]
async fn nobody_is_told_what_they_did_not_ask_for() {
    let server = Harness::start().await;
    let theirs = server.post_as(STRANGER, "/v1/webhook_endpoints", &endpoint(&ALL)).await;
    assert_eq!(theirs.status.as_u16(), 200);
    let ours = made(&server, &endpoint(&["agent.session.idle"])).await;
    let gone = made(&server, &endpoint(&ALL)).await;
    server.delete(&path(&gone)).await;
    turn(&server, json!({"model": "scripted"})).await;
    let sent = server.courier.sent(1).await;
    assert_eq!(body(&sent[0])["type"], "agent.session.idle");
    settled(&server, &ours, "delivered", 1).await;
    // An endpoint that wants more from now on is told more from now on.
    server.post(&path(&ours), &json!({"event_types": ["agent.session.created"]})).await;
    turn(&server, json!({"model": "scripted"})).await;
    let sent = server.courier.sent(2).await;
    assert_eq!(body(&sent[1])["type"], "agent.session.created");
}

#[tokio::test]
async fn a_delivery_is_tried_again_under_the_same_id() {
    let server = Harness::start().await;
    let hook = made(&server, &endpoint(&["agent.session.idle"])).await;
    server.courier.answer_with(500, "");
    let error = CourierError { message: "no route".to_owned(), retryable: true };
    server.courier.answer(Err(error));
    turn(&server, json!({"model": "scripted"})).await;
    let waiting = settled(&server, &hook, "pending", 1).await;
    assert_eq!(waiting["last_status_code"], 500);
    server.clock.advance(10_000);
    let waiting = settled(&server, &hook, "pending", 2).await;
    assert_eq!(waiting["last_error"], "no route");
    server.clock.advance(60_000);
    let delivered = settled(&server, &hook, "delivered", 3).await;
    assert_eq!(delivered["next_attempt_at"], json!(null));
    let sent = server.courier.sent(3).await;
    let ids: Vec<_> = sent.iter().map(|parcel| header(parcel, "webhook-id")).collect();
    assert_eq!(ids, vec![delivered["webhook_id"].as_str().expect("an id"); 3]);
    let times: Vec<_> = sent.iter().map(|parcel| header(parcel, "webhook-timestamp")).collect();
    assert_eq!(times, ["1790000000", "1790000010", "1790000070"]);
    assert!(sent.iter().all(|p| header(p, "webhook-signature") == signature(p, &secret(&hook))));
    // People can have it sent again.
    let again =
        format!("{}/deliveries/{}/replay", path(&hook), delivered["id"].as_str().unwrap_or(""));
    let replayed = server.post_text(&again, "").await;
    assert_eq!((replayed.status.as_u16(), &replayed.body["status"]), (200, &json!("pending")));
    let sent = server.courier.sent(4).await;
    assert_eq!(header(&sent[3], "webhook-id"), ids[0]);
    settled(&server, &hook, "delivered", 1).await;
    let none = server.get(&format!("{}/deliveries?status=failed", path(&hook))).await.body;
    assert_eq!(none["data"], json!([]));
    // It is forgotten after a week.
    server.clock.advance(8 * 24 * 3_600_000);
    loop {
        let list = server.get(&format!("{}/deliveries", path(&hook))).await.body;
        if list["data"] == json!([]) {
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_was_not_delivered_outlives_the_process() {
    let server = Harness::start().await;
    let hook = made(&server, &endpoint(&["agent.session.idle"])).await;
    server.courier.answer_with(503, "");
    turn(&server, json!({"model": "scripted"})).await;
    let waiting = settled(&server, &hook, "pending", 1).await;
    let server = server.restart().await;
    server.clock.advance(10_000);
    let delivered = settled(&server, &hook, "delivered", 2).await;
    assert_eq!(delivered["webhook_id"], waiting["webhook_id"]);
}

#[tokio::test]
async fn a_rotated_secret_can_count_beside_the_new_one_for_a_day() {
    let server = Harness::start().await;
    let old = made(&server, &endpoint(&["agent.session.idle"])).await;
    let rotate = format!("{}/rotate_secret", path(&old));
    let keep = json!({"keep_old_secret_active_for_24_hours": true});
    let new = server.post(&rotate, &keep).await.body;
    let sample = format!("{}/test", path(&old));
    let kind = json!({"event_type": "agent.session.idle"});
    server.courier.answer_with(404, "");
    let tested = server.post(&sample, &kind).await.body;
    assert_eq!((&tested["status_code"], &tested["success"]), (&json!(404), &json!(true)));
    server.clock.advance(24 * 3_600_000);
    server.post(&sample, &kind).await;
    let sent = server.courier.sent(2).await;
    let both =
        format!("{} {}", signature(&sent[0], &secret(&new)), signature(&sent[0], &secret(&old)));
    assert_eq!(header(&sent[0], "webhook-signature"), both);
    assert_eq!(header(&sent[1], "webhook-signature"), signature(&sent[1], &secret(&new)));
    let error = CourierError { message: "no route".to_owned(), retryable: true };
    server.courier.answer(Err(error));
    let unreachable = server.post(&sample, &kind).await;
    assert_eq!(unreachable.refusal(), (502, "webhook_unreachable", ""));
}

#[tokio::test]
async fn an_imported_endpoint_keeps_its_id_and_secret() {
    let server = Harness::start().await;
    let path = "/v1/webhook_endpoints/import";
    let mut body = endpoint(&["agent.session.idle"]);
    body["id"] = json!("from_elsewhere");
    body["signing_secret"] = json!("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let first = server.post_as(MOVER, path, &body).await;
    assert_eq!(first.text("id"), "from_elsewhere", "{}", first.body);
    assert_eq!(first.body["signing_secret"], body["signing_secret"]);
    assert_eq!(server.post_as(MOVER, path, &body).await.body, first.body);
    for (member, value, expected) in [
        (
            "signing_secret",
            json!("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
            (409, "conflict", "id"),
        ),
        ("signing_secret", json!("open"), (400, "invalid_parameter", "signing_secret")),
        ("signing_secret", json!(4), (400, "invalid_parameter", "signing_secret")),
        ("name", json!("other"), (409, "conflict", "id")),
    ] {
        let mut body = body.clone();
        body[member] = value;
        assert_eq!(server.post_as(MOVER, path, &body).await.refusal(), expected, "{body}");
    }
    assert_eq!(server.post(path, &body).await.refusal(), (403, "forbidden", ""));
}
