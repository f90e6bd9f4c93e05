//! A model that fails, in every way, in real turns.
//!
//! What must hold: the turn ends as the table says, and the next turn of the same session is
//! answered.

use mainstay_it::harness::{
    Agent, Connection, Feed, Server, Tool, Turn, create_session, post_message,
};
use mainstay_it::model_server::{Call, Fault, FaultKind, Finish, Step};
use serde_json::json;

use crate::world::{World, call, calls, script};

/// How a turn ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Completed,
    /// With this error.
    Failed(&'static str),
}

fn fault(kind: FaultKind, times: Option<u64>) -> Fault {
    Fault { kind, times, status: None, code: None, retry_after_ms: None }
}

fn status(status: u16, times: Option<u64>) -> Fault {
    Fault { status: Some(status), retry_after_ms: Some(1), ..fault(FaultKind::Status, times) }
}

fn failing(fault: Fault) -> Vec<Step> {
    vec![Step { fault: Some(fault), ..Step::text("in the end") }]
}

fn raw_call(name: &str, arguments: serde_json::Value) -> Vec<Step> {
    vec![calls(vec![Call { name: name.to_owned(), arguments }])]
}

async fn check(cases: Vec<(&str, Vec<Step>, End)>) {
    let world = World::new().await;
    let server = world.start().await;
    let mut connection = world.connect(&server).await;
    let agent = Agent {
        settings: json!({"limits": {"steps": 8}}),
        ..Agent::new(&world.scripted.url, &[Tool::Look])
    };
    let agent = world.agent(&mut connection, &agent).await;
    for (name, steps, expected) in cases {
        let session = create_session(&mut connection, &agent).await.expect("a session");
        let end = turn(&server, &mut connection, &session, &script(steps)).await;
        let (status, error) = match expected {
            End::Completed => ("completed", None),
            End::Failed(code) => ("failed", Some(code)),
        };
        assert_eq!((end.status.as_str(), end.error.as_deref()), (status, error), "{name}");
        let next = script(vec![calls(vec![call("look", "again")])]);
        let next = turn(&server, &mut connection, &session, &next).await;
        assert_eq!(next.status, "completed", "the turn after {name}: {next:?}");
    }
}

async fn turn(server: &Server, connection: &mut Connection, session: &str, message: &str) -> Turn {
    let mut feed = Feed::open(&server.target, session, None).await.expect("a stream");
    post_message(connection, session, message).await.expect("the message is taken");
    let ends = ["agent.session.turn.completed", "agent.session.turn.failed"];
    let end = feed.until(&ends).await.expect("the turn ends");
    feed.until_idle().await.expect("the session rests");
    Turn::of(&end).expect("the end of a turn")
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    use End::Completed;
    check(vec![
        ("500 once", failing(status(500, Some(1))), Completed),
        ("503 twice", failing(status(503, Some(2))), Completed),
        ("429 once", failing(status(429, Some(1))), Completed),
        ("a cut stream once", failing(fault(FaultKind::Cut, Some(1))), Completed),
        ("garbage once", failing(fault(FaultKind::Garbage, Some(1))), Completed),
    ])
    .await;
}

#[tokio::test]
async fn what_does_not_pass_fails_the_turn() {
    use End::Failed;
    check(vec![
        ("500 always", failing(status(500, None)), Failed("connection_failed")),
        ("429 always", failing(status(429, None)), Failed("rate_limit_exceeded")),
        // What is wrong is the installation's configuration, not the client's request.
        ("401", failing(status(401, None)), Failed("server_error")),
        ("400", failing(status(400, None)), Failed("server_error")),
    ])
    .await;
}

#[tokio::test]
async fn streams_that_never_come_whole_fail_the_turn() {
    use End::Failed;
    check(vec![
        ("a cut stream always", failing(fault(FaultKind::Cut, None)), Failed("connection_failed")),
        ("garbage always", failing(fault(FaultKind::Garbage, None)), Failed("server_error")),
    ])
    .await;
}

#[tokio::test]
async fn calls_that_cannot_be_made_are_told_to_the_model() {
    use End::{Completed, Failed};
    let endless = Step { repeat: Some(1_000), ..calls(vec![call("look", "for ever")]) };
    check(vec![
        ("a tool that does not exist", raw_call("no_such_tool", json!({})), Completed),
        ("arguments that are not JSON", raw_call("look", json!("{\"note\":")), Completed),
        ("arguments that do not fit", raw_call("look", json!({"delay_ms": "soon"})), Completed),
        ("arguments that are no object", raw_call("look", json!([1, 2])), Completed),
        ("calls for ever", vec![endless], Failed("usage_limit_exceeded")),
    ])
    .await;
}

#[tokio::test]
async fn answers_that_stop_early_end_the_turn() {
    let stopped = |finish| vec![Step { finish, ..Step::text("half an ans") }];
    check(vec![
        ("a bound on tokens", stopped(Finish::Length), End::Failed("max_output_tokens")),
        ("a filter", stopped(Finish::ContentFilter), End::Failed("invalid_request")),
    ])
    .await;
}
