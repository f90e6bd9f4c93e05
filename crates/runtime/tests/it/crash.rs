//! Crashes, stops, panics and other writers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use mainstay_core::port::ToolOutput;
use mainstay_core::session::SessionStatus;
use mainstay_core::tool::Safety;
use mainstay_protocol::{ErrorCode, TaskKey};
use mainstay_runtime::EngineSettings;
use mainstay_store::{ClaimRequest, ClaimWhat, Store};

use crate::support::{Bench, Fakes, Reply, pass, session};

/// A turn whose tool call is under way when the process dies: how often the tool was called.
async fn crashed_in_a_call(safety: Safety) -> (u32, String) {
    let mut fakes = Fakes::new(vec![Reply::Call("act"), Reply::Text("ready")]);
    fakes.safety = safety;
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    fakes.tool(move |_| {
        let calls = counted.clone();
        async move {
            calls.fetch_add(1, Ordering::SeqCst);
            pass(1_000).await;
            Ok(ToolOutput::text("done"))
        }
    });
    let bench = Bench::new(fakes).await;
    bench.create("go").await;
    pass(500).await;
    let bench = bench.crash().await;
    bench.rest().await;
    assert_eq!(bench.row().await.status, SessionStatus::Idle);
    (calls.load(Ordering::SeqCst), bench.kinds().await)
}

#[tokio::test(start_paused = true)]
async fn a_once_call_is_not_made_again_after_a_crash() {
    let (calls, kinds) = crashed_in_a_call(Safety::Once).await;
    assert_eq!(calls, 1);
    insta::assert_snapshot!(kinds, @r"
    session.created
    input.received
    effect.requested
    effect.completed
    effect.requested
    effect.attempted 1
    effect.unknown
    effect.requested
    effect.completed
    turn.ended Completed
    ");
}

#[tokio::test(start_paused = true)]
async fn an_idempotent_call_is_made_again_under_the_same_id() {
    let (calls, kinds) = crashed_in_a_call(Safety::Idempotent).await;
    assert_eq!(calls, 2);
    insta::assert_snapshot!(kinds, @r"
    session.created
    input.received
    effect.requested
    effect.completed
    effect.requested
    effect.attempted 2
    effect.completed
    effect.requested
    effect.completed
    turn.ended Completed
    ");
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_a_once_call_end_and_begins_nothing_new() {
    let fakes = Fakes::new(vec![Reply::Call("act"), Reply::Text("ready")]);
    fakes.tool(|_| async {
        pass(1_000).await;
        Ok(ToolOutput::text("done"))
    });
    let bench = Bench::new(fakes).await;
    bench.create("go").await;
    pass(500).await;
    bench.engine.shutdown(5_000).await;
    let refused = bench.input("more").await.expect_err("stopping");
    assert_eq!(refused.code, ErrorCode::ShuttingDown);
    let kinds = bench.kinds().await;
    assert!(kinds.ends_with("effect.completed\neffect.requested"), "the call's outcome: {kinds}");
    let bench = bench.crash().await;
    bench.rest().await;
    assert_eq!(bench.row().await.status, SessionStatus::Idle);
    assert!(!bench.kinds().await.contains("effect.unknown"));
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_tool_or_model_ends_the_attempt_only() {
    let fakes = Fakes::new(vec![Reply::Call("act"), Reply::Text("ready"), Reply::Panics]);
    fakes.tool(|_| async { panic!("the tool panics, as the test says") });
    let bench = Bench::new(fakes).await;
    bench.create("go").await;
    bench.rest().await;
    bench.input("more").await.expect("the session is usable");
    bench.rest().await;
    bench.input("and more").await.expect("the session is usable");
    bench.rest().await;
    assert_eq!(bench.engine.stats().panics, 2);
    let kinds = bench.kinds().await;
    assert!(kinds.contains("effect.unknown") && kinds.contains("turn.ended Failed"), "{kinds}");
    assert!(kinds.ends_with("turn.ended Completed"), "{kinds}");
}

/// What the sweep does when a session's lease lapsed although its task lives (the clock jumped).
#[tokio::test(start_paused = true)]
async fn a_session_whose_lease_this_process_took_goes_on_at_once() {
    let bench = Bench::new(Fakes::new(vec![Reply::Slowly(&["a", "b"])])).await;
    bench.create("go").await;
    let subject = session().as_str().into();
    let request = ClaimRequest {
        what: ClaimWhat::One(TaskKey { kind: "session".into(), subject }),
        owner: "local".into(),
        now_ms: u64::MAX / 2,
        lease_ms: 1,
    };
    assert_eq!(bench.store.claim(request).await.expect("answers").len(), 1);
    pass(2_000).await;
    assert_eq!(bench.row().await.status, SessionStatus::Idle);
    assert!(bench.kinds().await.contains("effect.attempted 2"), "{}", bench.kinds().await);
}

#[tokio::test(start_paused = true)]
async fn a_writer_whose_lease_was_taken_stops() {
    let fakes = Fakes::new(vec![Reply::Slowly(&["a", "b"])]);
    let settings = EngineSettings { is_only_writer: false, ..EngineSettings::default() };
    let bench = Bench::over(Arc::default(), fakes, settings).await;
    bench.create("go").await;
    let request = ClaimRequest {
        what: ClaimWhat::One(TaskKey {
            kind: "session".into(),
            subject: session().as_str().into(),
        }),
        owner: "thief".into(),
        now_ms: u64::MAX / 2,
        lease_ms: 1,
    };
    let stolen = bench.store.claim(request).await.expect("answers");
    assert_eq!(stolen.len(), 1);
    let before = bench.entries().await.len();
    pass(5_000).await;
    assert_eq!(bench.entries().await.len(), before, "the stale writer wrote nothing");
    assert_eq!(bench.engine.stats().active_sessions, 0);
    bench.store.renew(&stolen, 0, 0).await.expect("answers");
    bench.rest().await;
    pass(5_000).await;
    assert_eq!(
        bench.row().await.status,
        SessionStatus::Idle,
        "it is taken up once the lease is free"
    );
}
