//! Commands in a session's environment, as items; and the tools that come with it.

use mainstay_core::port::{ExecEnd, ExecRecord, MachineSeen, Readiness, ToolOutput};
use serde_json::{Value, json};

use crate::environments::hosted;
use crate::support::{Harness, Script, say};

const SESSIONS: &str = "/v1/agents/sessions";

#[tokio::test]
async fn a_command_is_an_item_of_its_own() {
    let (server, _) = Harness::with_machines().await;
    let run = |id| (id, "shell", r#"{"command":"make test","cwd":"src"}"#);
    server.models.say([
        Script::calls(&[run("call_a")]),
        Script::calls(&[run("call_b")]),
        Script::text("Tested."),
    ]);
    server.tools.answer(Ok(ToolOutput {
        exec: Some(ExecRecord {
            command: "make test".to_owned(),
            cwd: "/workspace/src".to_owned(),
            end: ExecEnd::Exited { code: 2 },
            duration_ms: 1_200,
        }),
        ..ToolOutput::text("no rule\n[exit code 2]")
    }));
    server.tools.answer(Ok(ToolOutput::error("there is no machine")));
    let made = server.post(SESSIONS, &hosted(&json!({}))).await;
    let session = made.text("id");
    let path = format!("{SESSIONS}/{session}/events");
    let mut stream = server.stream(&path).await;
    server.post(&path, &say("go")).await;
    let seen = stream.until_kind("agent.session.idle").await;
    let shown: Vec<Value> = seen
        .iter()
        .filter(|event| event["item"]["type"] == "command_execution")
        .map(|event| json!([event["type"], event["item"]]))
        .collect();
    let items = server.get(&format!("{SESSIONS}/{session}/items?order=asc")).await.body;
    let items: Vec<&Value> = items["data"].as_array().expect("a list").iter().collect();
    let commands: Vec<&Value> =
        items.iter().copied().filter(|item| item["type"] == "command_execution").collect();
    assert_eq!(shown[1][1], *commands[0]);
    assert_eq!(shown[3][1], *commands[1]);
    let mut told = shown.clone();
    for event in &mut told {
        event[1]["id"] = json!("ITEM");
        event[1]["turn_id"] = json!("TURN");
    }
    insta::assert_json_snapshot!(told, @r#"
    [
      [
        "agent.session.turn.item.added",
        {
          "command": "make test",
          "cwd": "src",
          "duration_ms": null,
          "exit_code": null,
          "id": "ITEM",
          "output": null,
          "status": "in_progress",
          "turn_id": "TURN",
          "type": "command_execution"
        }
      ],
      [
        "agent.session.turn.item.done",
        {
          "command": "make test",
          "cwd": "/workspace/src",
          "duration_ms": 1200,
          "exit_code": 2,
          "id": "ITEM",
          "output": "no rule\n[exit code 2]",
          "status": "completed",
          "turn_id": "TURN",
          "type": "command_execution"
        }
      ],
      [
        "agent.session.turn.item.added",
        {
          "command": "make test",
          "cwd": "src",
          "duration_ms": null,
          "exit_code": null,
          "id": "ITEM",
          "output": null,
          "status": "in_progress",
          "turn_id": "TURN",
          "type": "command_execution"
        }
      ],
      [
        "agent.session.turn.item.done",
        {
          "command": "make test",
          "cwd": "src",
          "duration_ms": null,
          "exit_code": null,
          "id": "ITEM",
          "output": "there is no machine",
          "status": "failed",
          "turn_id": "TURN",
          "type": "command_execution"
        }
      ]
    ]
    "#);
}

#[tokio::test]
async fn changed_tools_keep_those_of_the_environment() {
    let (server, _) = Harness::with_machines().await;
    server
        .models
        .say([Script::calls(&[("call_a", "shell", r#"{"command":"ls"}"#)]), Script::text("x")]);
    let session = server.post(SESSIONS, &hosted(&json!({}))).await.text("id");
    let path = format!("{SESSIONS}/{session}");
    let lookup = json!({"type": "function", "name": "lookup", "description": "Looks up.",
        "parameters": {"type": "object"}});
    let changed = server.post(&path, &json!({"agent": {"tools": [lookup]}})).await;
    assert_eq!(
        changed.body["agent"]["tools"].as_array().map(Vec::len),
        Some(1),
        "{}",
        changed.body
    );
    let events = format!("{path}/events");
    let mut stream = server.stream(&events).await;
    server.post(&events, &say("go")).await;
    let seen = stream.until_kind("agent.session.idle").await;
    assert!(seen.iter().any(|event| event["item"]["type"] == "command_execution"), "{seen:?}");
}

/// The events about a session's environment behind a place, without ids.
fn environment_events(seen: &[Value]) -> Vec<String> {
    let about = |event: &&Value| {
        event["type"].as_str().is_some_and(|kind| kind.starts_with("agent.session.environment."))
    };
    let told = |event: &Value| {
        let kind =
            event["type"].as_str().expect("a type").replace("agent.session.environment.", "");
        let more = match (&event["environment"]["error"]["message"], &event["reset_count"]) {
            (Value::String(message), _) => format!(" ({message})"),
            (_, Value::Number(count)) => format!(" ({count})"),
            _ => String::new(),
        };
        let turn = if event["turn_id"].is_null() { "" } else { " in a turn" };
        format!("{kind}{more}{turn}")
    };
    seen.iter().filter(about).map(told).collect()
}

#[tokio::test]
async fn followers_are_told_what_becomes_of_the_machine() {
    let (server, _) = Harness::with_machines().await;
    let saw = |machine| ToolOutput { machine: Some(machine), ..ToolOutput::text("ok") };
    let seen = [
        MachineSeen::Absent("no machine comes up".to_owned()),
        MachineSeen::Absent("no machine comes up".to_owned()),
        MachineSeen::Ready(Readiness::New),
        MachineSeen::Ready(Readiness::Running),
        MachineSeen::Ready(Readiness::Restored { lost_calls: 1 }),
        MachineSeen::Ready(Readiness::Running),
        MachineSeen::Ready(Readiness::Resumed { lost_calls: 0 }),
    ];
    let run = Script::calls(&[("call_a", "shell", r#"{"command":"ls"}"#)]);
    let mut scripts: Vec<Script> = seen.iter().map(|_| run.clone()).collect();
    scripts.push(Script::text("Done."));
    server.models.say(scripts);
    for machine in seen {
        server.tools.answer(Ok(saw(machine)));
    }
    let session = server.post(SESSIONS, &hosted(&json!({}))).await.text("id");
    let path = format!("{SESSIONS}/{session}/events");
    server.post(&path, &say("go")).await;
    let mut stream = server.stream(&format!("{path}?starting_after=0")).await;
    let all = stream.until_kind("agent.session.idle").await;
    insta::assert_json_snapshot!(environment_events(&all), @r#"
    [
      "ready",
      "failed (no machine comes up) in a turn",
      "connected in a turn",
      "reset (1) in a turn",
      "connected in a turn",
      "reset (2) in a turn",
      "connected in a turn"
    ]
    "#);
    // Whoever comes later, in the middle, is told the same under the same ids.
    let server = server.restart().await;
    let head = all.last().expect("events");
    for event in &all[..all.len() - 1] {
        let after = &event["sequence_number"];
        let mut stream = server.stream(&format!("{path}?starting_after={after}")).await;
        let rest = stream.until(|seen| seen["event_id"] == head["event_id"]).await;
        let from = all.iter().position(|one| one["sequence_number"].as_u64() > after.as_u64());
        let from = from.expect("events follow");
        let ids = |seen: &[Value]| -> Vec<Value> {
            let kept = seen.iter().filter(|event| {
                event["environment"].is_object() || !event["reset_count"].is_null()
            });
            kept.map(|event| event["event_id"].clone()).collect()
        };
        assert_eq!(ids(&rest), ids(&all[from..]), "behind {after}");
    }
}
