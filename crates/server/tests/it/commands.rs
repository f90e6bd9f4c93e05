//! Commands in a session's environment, as items; and the tools that come with it.

use mainstay_core::port::{ExecEnd, ExecRecord, ToolOutput};
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
