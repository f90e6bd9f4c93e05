//! What callers ask, and what they are answered.

use mainstay_core::port::ToolOutput;
use mainstay_core::resource::AgentRow;
use mainstay_core::session::{Command, InputMode, SessionStatus};
use mainstay_protocol::{AgentId, ApiError, CallId, ErrorCode};
use mainstay_runtime::{Accepted, Idempotency, Submission};

use crate::support::{Bench, Fakes, Reply, agent, caller, pass, session, text};

#[tokio::test(start_paused = true)]
async fn a_turn_with_a_tool_call_is_one_commit_a_step() {
    let bench = Bench::new(Fakes::new(vec![Reply::Call("act"), Reply::Text("ready")])).await;
    let accepted = bench.create("go").await;
    assert_eq!((accepted.first_seq, accepted.seq), (0, 3));
    bench.rest().await;
    insta::assert_snapshot!(bench.kinds().await, @r"
    session.created
    input.received
    effect.requested
    effect.completed
    effect.requested
    effect.attempted 1
    effect.completed
    effect.requested
    effect.completed
    turn.ended Completed
    ");
    // Input, model, tool, model: the last outcome ends the turn.
    assert_eq!(bench.engine.stats().commits, 4);
    assert_eq!(bench.row().await.status, SessionStatus::Idle);
}

fn key(key: &str, body: &str) -> Option<Idempotency> {
    Some(Idempotency { key: key.to_owned(), body_sha256: body.to_owned() })
}

#[tokio::test(start_paused = true)]
async fn a_key_is_accepted_once_and_answered_as_often_as_it_is_sent() {
    let bench = Bench::new(Fakes::new(Vec::new())).await;
    bench.create("").await;
    let send = |body: &'static str| {
        let command = Command::Input { messages: text("go"), mode: InputMode::Steer };
        bench.submit(command, key("k1", body))
    };
    assert!(!send("a").await.expect("accepted").replayed);
    bench.rest().await;
    let before = bench.entries().await.len();
    assert!(send("a").await.expect("accepted again").replayed);
    let refused = send("b").await.expect_err("another body");
    assert_eq!(refused.code, ErrorCode::IdempotencyConflict);
    assert_eq!(bench.entries().await.len(), before);
}

async fn create_under_key(bench: &Bench, body: &str) -> Result<Accepted, ApiError> {
    let mut new = bench.new_session("go");
    new.session = mainstay_runtime::NewSessionId::Mint;
    new.idempotency = key("k1", body);
    bench.engine.create_session(new).await
}

#[tokio::test(start_paused = true)]
async fn a_session_is_created_once_under_a_key() {
    let bench = Bench::new(Fakes::new(Vec::new())).await;
    let create = |body| create_under_key(&bench, body);
    let (first, second) = tokio::join!(create("a"), create("a"));
    let (first, second) = (first.expect("accepted"), second.expect("accepted"));
    assert_eq!(first.session, second.session);
    assert_ne!(first.replayed, second.replayed, "one of the two did it");
    let refused = create("b").await.expect_err("another body");
    assert_eq!(refused.code, ErrorCode::IdempotencyConflict);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_forgotten_after_a_day() {
    const HOUR_MS: u64 = 60 * 60 * 1_000;
    let bench = Bench::new(Fakes::new(Vec::new())).await;
    let create = |body| create_under_key(&bench, body);
    create("a").await.expect("accepted");
    pass(23 * HOUR_MS).await;
    assert!(create("a").await.expect("accepted").replayed, "known for a day");
    pass(2 * HOUR_MS).await;
    assert!(!create("b").await.expect("a new request").replayed);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_yours_does_not_exist() {
    let bench = Bench::new(Fakes::new(Vec::new())).await;
    bench.create("").await;
    let submission = Submission {
        caller: caller("ten_other"),
        commands: vec![Command::Cancel],
        idempotency: None,
    };
    let refused = bench.engine.submit(&session(), submission).await.expect_err("not theirs");
    assert_eq!(refused.code, ErrorCode::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_agent_takes_no_new_turn() {
    let bench = Bench::new(Fakes::new(Vec::new())).await;
    let caller = caller("ten_test");
    let definition =
        std::sync::Arc::new(mainstay_core::agent::AgentDefinition { revision: 1, ..agent() });
    let row = AgentRow {
        id: definition.id.clone(),
        tenant: caller.tenant.clone(),
        created_at_ms: 1,
        updated_at_ms: 1,
        metadata: std::collections::BTreeMap::new(),
        definition,
        is_deleted: false,
    };
    let control = bench.engine.control();
    control.put_agent(&caller, row.clone()).await.expect("created");
    let again = control.put_agent(&caller, row).await.expect_err("the revision is taken");
    assert_eq!(again.code, ErrorCode::Conflict);
    bench.create("go").await;
    bench.rest().await;
    let id = AgentId::parse("agent_test").expect("a plain id");
    control.delete_agent(&caller, &id).await.expect("deleted");
    let missing = control.delete_agent(&caller, &id).await.expect_err("deleted already");
    assert_eq!(missing.code, ErrorCode::NotFound);
    let refused = bench.input("more").await.expect_err("no new turns");
    assert_eq!(refused.code, ErrorCode::AgentDeleted);
}

#[tokio::test(start_paused = true)]
async fn a_client_call_waits_for_days_without_a_task() {
    let bench = Bench::new(Fakes::new(vec![Reply::Call("client"), Reply::Text("ready")])).await;
    bench.create("go").await;
    bench.rest().await;
    assert_eq!(bench.row().await.status, SessionStatus::RequiresAction);
    let bench = bench.crash().await;
    pass(2 * 24 * 3_600_000).await;
    assert_eq!(bench.engine.stats().active_sessions, 0);

    let result = |call: &str| Command::ToolResult {
        turn: None,
        call_id: CallId::parse(call).expect("a plain id"),
        output: ToolOutput::text("42"),
    };
    let wrong = bench.submit(result("call_other"), None).await.expect_err("not waiting");
    assert_eq!(wrong.code, ErrorCode::CallNotWaiting);
    bench.submit(result("call_client_0"), None).await.expect("accepted");
    let late = bench.submit(result("call_client_0"), None).await.expect_err("answered");
    assert_eq!(late.code, ErrorCode::CallAlreadyAnswered);
    bench.rest().await;
    assert_eq!(bench.row().await.status, SessionStatus::Idle);
    insta::assert_snapshot!(bench.kinds().await, @r"
    session.created
    input.received
    effect.requested
    effect.completed
    effect.requested
    turn.waiting
    effect.completed
    turn.resumed
    effect.requested
    effect.completed
    turn.ended Completed
    ");
}
