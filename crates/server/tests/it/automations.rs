//! Automations: kept, run when their time comes, once, and recorded.

use serde_json::{Value, json};

use crate::support::{Harness, MOVER, STRANGER, redact};

const ALL: &str = "/v1/agents/automations";
/// The still clock's beginning: 2026-09-21, 14:13:20 UTC, a Monday.
const NOW: u64 = 1_790_000_000;
const HOUR_MS: u64 = 3_600_000;

fn new_session() -> Value {
    json!({
        "type": "new_session", "environment": {"type": "none"},
        "agent": {"model": "scripted", "instructions": "Be brief."},
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "Report."}]}],
        "metadata": {"from": "automation"},
    })
}

fn hourly(target: &Value) -> Value {
    json!({"type": "periodic", "name": "report", "expression": "0 * * * *",
        "timezone": "Europe/Berlin", "target": target})
}

fn once(run_at: u64) -> Value {
    json!({"type": "once", "name": "report", "run_at": run_at, "target": new_session()})
}

async fn made(server: &Harness, body: &Value) -> Value {
    let reply = server.post(ALL, body).await;
    assert_eq!(reply.status.as_u16(), 200, "{}", reply.body);
    reply.body
}

fn path(automation: &Value) -> String {
    format!("{ALL}/{}", automation["id"].as_str().expect("an id"))
}

async fn invocations(server: &Harness, automation: &Value) -> Vec<Value> {
    let list = server.get(&format!("{}/invocations?order=asc", path(automation))).await.body;
    list["data"].as_array().expect("a list").clone()
}

/// The invocations, oldest first, once there are as many as statuses and they have these.
async fn settled(server: &Harness, automation: &Value, statuses: &[&str]) -> Vec<Value> {
    loop {
        let found = invocations(server, automation).await;
        if found.iter().map(|own| own["status"].as_str().unwrap_or("")).eq(statuses.iter().copied())
        {
            return found;
        }
        assert!(found.len() <= statuses.len(), "{found:?}");
        tokio::task::yield_now().await;
    }
}

async fn sessions(server: &Harness) -> Vec<Value> {
    let list = server.get("/v1/agents/sessions?order=asc").await.body;
    list["data"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn an_automation_is_made_changed_and_deleted() {
    let server = Harness::start().await;
    let first = made(&server, &hourly(&new_session())).await;
    let path = path(&first);
    insta::assert_json_snapshot!("periodic", redact(&first));
    assert_eq!(server.get(&path).await.body, first);
    assert_eq!(server.get_as(STRANGER, &path).await.refusal(), (404, "not_found", ""));
    let changed = json!({"name": "b", "metadata": {"a": "b"}, "expression": "30 9 * * *",
        "timezone": "America/New_York"});
    let changed = server.post(&path, &changed).await.body;
    assert_eq!((&changed["name"], &changed["metadata"]), (&json!("b"), &json!({"a": "b"})));
    // 09:30 in New York is 13:30 UTC, and has been today.
    assert_eq!(changed["next_run_at"], json!(NOW - 14 * 3_600 - 13 * 60 - 20 + 37 * 3_600 + 1_800));
    let paused = server.post_text(&format!("{path}/pause"), "").await.body;
    assert_eq!((&paused["status"], &paused["next_run_at"]), (&json!("paused"), &json!(null)));
    assert_eq!(server.post_text(&format!("{path}/pause"), "").await.body, paused);
    let resumed = server.post_text(&format!("{path}/resume"), "").await.body;
    assert_eq!(resumed, changed);
    let list = server.get(ALL).await.body;
    assert_eq!(list["data"], json!([changed]));
    assert_eq!(server.get(&format!("{ALL}?session_id=ses_1")).await.body["data"], json!([]));
    let deleted = server.delete(&path).await.body;
    assert_eq!(deleted["object"], "agent.automation.deleted");
    assert_eq!(server.get(&path).await.refusal(), (404, "not_found", ""));
    server.clock.advance(48 * HOUR_MS);
    assert_eq!(server.get("/v1/agents/sessions").await.body["data"], json!([]));
}

#[tokio::test]
async fn bad_automations_are_refused_by_name() {
    let server = Harness::start().await;
    let with = |body: Value, member: &str, value: Value| {
        let mut body = body;
        let mut place = &mut body;
        for name in member.split('.') {
            place = &mut place[name];
        }
        *place = value;
        body
    };
    let periodic = || hourly(&new_session());
    let existing = json!({"type": "existing_session", "session_id": "ses_no", "instructions": "x"});
    for (body, expected) in [
        (with(periodic(), "expression", json!("x")), (400, "invalid_parameter", "expression")),
        (
            with(periodic(), "expression", json!("0 0 31 2 *")),
            (400, "invalid_parameter", "expression"),
        ),
        (with(periodic(), "timezone", json!("Mars")), (400, "invalid_parameter", "timezone")),
        (with(periodic(), "type", json!("daily")), (400, "invalid_parameter", "type")),
        (with(periodic(), "run_at", json!(5)), (400, "unknown_parameter", "run_at")),
        (with(periodic(), "name", json!("")), (400, "invalid_parameter", "name")),
        (with(periodic(), "target.type", json!("x")), (400, "invalid_parameter", "target.type")),
        (with(periodic(), "target.input", json!([])), (400, "invalid_parameter", "target.input")),
        (
            with(periodic(), "target.agent_id", json!("a")),
            (400, "invalid_parameter", "target.agent_id"),
        ),
        (
            with(periodic(), "target.agent.model", json!("unknown")),
            (400, "model_not_found", "target.agent.model"),
        ),
        (
            with(periodic(), "target.environment", json!({"type": "openai_hosted"})),
            (400, "unsupported", "target.environment"),
        ),
        (
            with(periodic(), "target.vault_ids", json!(["v"])),
            (404, "not_found", "target.vault_ids[0]"),
        ),
        (hourly(&existing), (404, "not_found", "target.session_id")),
        (with(once(5), "run_at", json!(-1)), (400, "invalid_parameter", "run_at")),
        (with(once(5), "run_at", json!(NOW * 1_000)), (400, "invalid_parameter", "run_at")),
        (with(once(5), "timezone", json!("UTC")), (400, "unknown_parameter", "timezone")),
    ] {
        let reply = server.post(ALL, &body).await;
        assert_eq!(reply.refusal(), expected, "{body} {}", reply.body);
    }
    let periodic = path(&made(&server, &periodic()).await);
    let later = path(&made(&server, &once(NOW + 60)).await);
    for (path, body, param) in [
        (&periodic, json!({"run_at": NOW + 60}), "run_at"),
        (&periodic, json!({"expression": "x"}), "expression"),
        (
            &periodic,
            json!({"target": {"type": "existing_session", "session_id": "s", "instructions": "x"}}),
            "target.session_id",
        ),
        (&later, json!({"expression": "0 * * * *"}), "expression"),
        (&later, json!({"run_at": NOW - 60}), "run_at"),
        (&later, json!({"type": "once"}), "type"),
    ] {
        let reply = server.post(path, &body).await;
        assert_eq!(reply.refusal().2, param, "{body} {}", reply.body);
    }
}

#[tokio::test]
async fn a_periodic_automation_makes_a_session_at_each_of_its_times() {
    let server = Harness::start().await;
    let automation = made(&server, &hourly(&new_session())).await;
    assert_eq!(automation["next_run_at"], json!(NOW + 2_800));
    server.clock.advance(2_799_000);
    assert_eq!(invocations(&server, &automation).await, [] as [Value; 0]);
    server.clock.advance(1_000);
    let first = settled(&server, &automation, &["completed"]).await;
    server.clock.advance(HOUR_MS);
    let both = settled(&server, &automation, &["completed", "completed"]).await;
    assert_eq!(both[0], first[0]);
    let times: Vec<_> = both.iter().map(|own| own["scheduled_at"].as_u64().unwrap_or(0)).collect();
    assert_eq!(times, [NOW + 2_800, NOW + 6_400]);
    assert_eq!(both[0]["source"]["automation"]["name"], "report");
    let sessions = sessions(&server).await;
    assert_eq!(sessions.len(), 2);
    for (session, invocation) in sessions.iter().zip(&both) {
        assert_eq!(session["id"], invocation["session_id"]);
        assert_eq!(session["metadata"], json!({"from": "automation"}));
        let items = format!("/v1/agents/sessions/{}/items", session["id"].as_str().unwrap_or(""));
        let said = server.get(&format!("{items}?order=asc")).await.body;
        assert_eq!(said["data"][0]["content"][0]["text"], "Report.");
    }
    let one = format!("{}/invocations/{}", path(&automation), both[1]["id"].as_str().unwrap_or(""));
    assert_eq!(server.get(&one).await.body, both[1]);
    assert_eq!(server.get_as(STRANGER, &one).await.refusal(), (404, "not_found", ""));
}

#[tokio::test]
async fn missed_times_are_made_up_for_once() {
    let server = Harness::start().await;
    let automation = made(&server, &hourly(&new_session())).await;
    let paused = made(&server, &hourly(&new_session())).await;
    server.post_text(&format!("{}/pause", path(&paused)), "").await;
    // Nobody runs for five hours.
    let server = {
        server.engine.halt();
        server.clock.advance(5 * HOUR_MS);
        server.restart().await
    };
    let ran = settled(&server, &automation, &["completed"]).await;
    assert_eq!(ran[0]["scheduled_at"], json!(NOW + 2_800));
    let next = server.get(&path(&automation)).await.body["next_run_at"].clone();
    assert_eq!(next, json!(NOW + 2_800 + 5 * 3_600));
    let resumed = server.post_text(&format!("{}/resume", path(&paused)), "").await.body;
    assert_eq!(resumed["next_run_at"], next, "what passed while it was paused has passed");
    assert_eq!(invocations(&server, &paused).await, [] as [Value; 0]);
    assert_eq!(sessions(&server).await.len(), 1);
}

#[tokio::test]
async fn what_runs_once_is_completed_after_it() {
    let server = Harness::start().await;
    let automation = made(&server, &once(NOW + 60)).await;
    let path = path(&automation);
    let moved = server.post(&path, &json!({"run_at": NOW + 120})).await.body;
    assert_eq!(moved["run_at"], json!(NOW + 120));
    server.clock.advance(119_000);
    assert_eq!(invocations(&server, &automation).await, [] as [Value; 0]);
    server.clock.advance(1_000);
    settled(&server, &automation, &["completed"]).await;
    let done = server.get(&path).await.body;
    assert_eq!((&done["status"], &done["next_run_at"]), (&json!("completed"), &json!(null)));
    for action in ["pause", "resume"] {
        let refused = server.post_text(&format!("{path}/{action}"), "").await;
        assert_eq!(refused.refusal(), (409, "conflict", ""), "{action}");
        assert_eq!(refused.header("x-should-retry"), "false");
    }
    let refused = server.post(&path, &json!({"run_at": NOW + 900})).await;
    assert_eq!(refused.refusal(), (400, "invalid_parameter", "run_at"));
    // A time that has passed is due now.
    let past = made(&server, &once(1)).await;
    settled(&server, &past, &["completed"]).await;
}

#[tokio::test]
async fn a_session_is_told_what_the_automation_says() {
    let server = Harness::start().await;
    let session = server.session(json!({})).await;
    let target =
        json!({"type": "existing_session", "session_id": session, "instructions": "Look."});
    let automation = made(&server, &hourly(&target)).await;
    let listed = server.get(&format!("{ALL}?session_id={session}")).await.body;
    assert_eq!(listed["data"], json!([automation]));
    // Now, as somebody asks.
    let run = format!("{}/invocations", path(&automation));
    let asked = server.post_keyed(&run, "key-1", &json!({})).await.body;
    assert_eq!(
        (&asked["status"], &asked["source"]),
        (&json!("queued"), &json!({"type": "manual"}))
    );
    let again = server.post_keyed(&run, "key-1", &json!({})).await.body;
    assert_eq!(again["id"], asked["id"]);
    let ran = settled(&server, &automation, &["completed"]).await;
    assert_eq!((&ran[0]["session_id"], &ran[0]["scheduled_at"]), (&json!(session), &json!(null)));
    server.clock.advance(2_800_000);
    settled(&server, &automation, &["completed", "completed"]).await;
    let turns = server.get(&format!("/v1/agents/sessions/{session}/turns")).await.body;
    assert_eq!(turns["data"].as_array().map(Vec::len), Some(2));
    // A session that is gone is told nothing.
    server.history(&session).await;
    assert_eq!(server.delete(&format!("/v1/agents/sessions/{session}")).await.status.as_u16(), 200);
    server.clock.advance(HOUR_MS);
    let ran = settled(&server, &automation, &["completed", "completed", "failed"]).await;
    assert_eq!(ran[2]["error"]["code"], "not_found");
    assert_eq!(ran[2]["session_id"], json!(null));
}

#[tokio::test]
async fn a_saved_agent_is_taken_as_it_is_then() {
    let server = Harness::start().await;
    let agent = server.post("/v1/agents", &json!({"model": "scripted", "name": "a"})).await;
    let mut target = new_session();
    target.as_object_mut().expect("an object").remove("agent");
    target["agent_id"] = agent.body["id"].clone();
    let automation = made(&server, &hourly(&target)).await;
    assert_eq!(automation["target"]["agent_id"], agent.body["id"]);
    assert_eq!(automation["target"]["agent"], json!(null));
    let path = format!("/v1/agents/{}", agent.text("id"));
    server.post(&path, &json!({"name": "b"})).await;
    server.clock.advance(2_800_000);
    settled(&server, &automation, &["completed"]).await;
    assert_eq!(sessions(&server).await[0]["agent"]["name"], "b");
    server.delete(&path).await;
    server.clock.advance(HOUR_MS);
    let ran = settled(&server, &automation, &["completed", "failed"]).await;
    assert_eq!(ran[1]["error"]["code"], "agent_deleted");
}

#[tokio::test]
async fn automations_and_their_records_are_brought_in() {
    let server = Harness::start().await;
    let import = format!("{ALL}/import");
    let mut body = hourly(&new_session());
    body["id"] = json!("from_elsewhere");
    let first = server.post_as(MOVER, &import, &body).await;
    assert_eq!(first.text("id"), "from_elsewhere", "{}", first.body);
    let again = server.post_as(MOVER, &import, &body).await.body;
    assert_eq!(again, first.body);
    body["name"] = json!("other");
    let taken = server.post_as(MOVER, &import, &body).await;
    assert_eq!(taken.refusal(), (409, "conflict", "id"));
    let record = format!("{ALL}/from_elsewhere/invocations/import");
    let body = json!({"id": "inv_old", "created_at": 5, "session_id": "ses_old"});
    let kept = server.post_as(MOVER, &record, &body).await.body;
    assert_eq!((&kept["status"], &kept["created_at"]), (&json!("completed"), &json!(5)));
    assert_eq!(server.post_as(MOVER, &record, &body).await.body, kept);
    let other = server.post_as(MOVER, &record, &json!({"id": "inv_old"})).await;
    assert_eq!(other.refusal(), (409, "conflict", "id"));
    assert_eq!(server.post(&record, &body).await.refusal(), (403, "forbidden", ""));
    assert_eq!(sessions(&server).await, [] as [Value; 0], "a record does not run");
}
