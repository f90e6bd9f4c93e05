//! A turn that waits for its client, over a crash.

use mainstay_it::harness::{Connection, Feed, create_session, post_events, post_message};
use serde_json::{Value, json};

use crate::journal::Journal;
use crate::world::{World, answers, call, calls, script};

/// An agent with a function that the client runs.
async fn agent(connection: &mut Connection) -> String {
    let function = json!({
        "type": "function",
        "name": "ask_person",
        "description": "Asks a person.",
        "parameters": {"type": "object", "properties": {"note": {"type": "string"}}},
    });
    let request = json!({"model": "scripted", "tools": [function]});
    let agent = connection.post("/v1/agents", &request).await.expect("an agent");
    agent["id"].as_str().expect("an agent has an id").to_owned()
}

fn result(action: &Value, output: &str) -> Value {
    json!({
        "type": "agent.session.input.tool_result",
        "turn_id": action["turn_id"],
        "call_id": action["call_id"],
        "success": true,
        "output": output,
    })
}

#[tokio::test]
async fn a_result_is_taken_after_a_kill_and_only_once() {
    let world = World::new().await;
    let server = world.start().await;
    let mut connection = world.connect(&server).await;
    let agent = agent(&mut connection).await;
    let session = create_session(&mut connection, &agent).await.expect("a session");
    let mut feed = Feed::open(&server.target, &session, None).await.expect("a stream");
    let message = script(vec![calls(vec![call("ask_person", "may I?")])]);
    post_message(&mut connection, &session, &message).await.expect("the message is taken");
    let waiting = feed.until(&["agent.session.requires_action"]).await.expect("it waits");
    server.kill().await.expect("the server is killed");

    let server = world.start().await;
    let mut connection = world.connect(&server).await;
    let path = format!("/v1/agents/sessions/{session}");
    let shown = connection.get(&path).await.expect("the session");
    assert_eq!(shown["status"], "requires_action");
    let before = waiting.json().expect("an event")["session"]["required_actions"].clone();
    assert_eq!(shown["required_actions"], before, "what is asked has changed");
    let action = &shown["required_actions"][0];
    let mut feed = Feed::open(&server.target, &session, None).await.expect("a stream");
    let first = post_events(&mut connection, &session, &[result(action, "yes")], None).await;
    assert_eq!(first.expect("an answer").status, 202);
    feed.until(&["agent.session.turn.completed"]).await.expect("the turn ends");
    let second = post_events(&mut connection, &session, &[result(action, "no")], None).await;
    let second = second.expect("an answer");
    assert!((400..500).contains(&second.status), "a second result was taken: {second:?}");
    let items = connection.get(&format!("{path}/items")).await.expect("items");
    assert_eq!(answers(&items), ["done"]);
    assert_eq!(Journal::read(&mut connection, &session).await.ends(), ["completed"]);
    assert_eq!(world.state().model_stats().calls, 2, "the model was asked again");
}
