//! Bounds: concurrency, time-outs, memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use mainstay_core::port::{Clock, ToolOutput};
use mainstay_core::session::SessionStatus;
use mainstay_core::tool::ApprovalMode;
use mainstay_runtime::{EngineSettings, EngineStats};

use crate::support::{Bench, Fakes, Reply, pass};

#[tokio::test(start_paused = true)]
async fn a_tool_runs_as_often_at_once_as_its_limit_says() {
    let mut fakes = Fakes::new(vec![Reply::Calls(vec!["act"; 6]), Reply::Text("ready")]);
    fakes.concurrency_limit = 2;
    let (now, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (running, peak) = (now, most.clone());
    fakes.tool(move |_| {
        let (running, peak) = (running.clone(), peak.clone());
        async move {
            let count = running.fetch_add(1, Ordering::SeqCst) + 1;
            peak.fetch_max(count, Ordering::SeqCst);
            pass(100).await;
            running.fetch_sub(1, Ordering::SeqCst);
            Ok(ToolOutput::text("done"))
        }
    });
    let bench = Bench::new(fakes).await;
    bench.create("go").await;
    bench.rest().await;
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_does_not_end_is_ended_and_its_outcome_is_unknown() {
    let fakes = Fakes::new(vec![Reply::Call("act"), Reply::Text("ready")]);
    fakes.tool(|_| std::future::pending());
    let bench = Bench::new(fakes).await;
    let began = bench.clock.now_ms();
    bench.create("go").await;
    bench.rest().await;
    assert!(bench.kinds().await.contains("effect.unknown"));
    assert!((5_000..6_000).contains(&(bench.clock.now_ms() - began)));
}

/// Nobody answers the question: it lapses while the session has no task.
#[tokio::test(start_paused = true)]
async fn time_moves_a_session_that_waits_without_a_task() {
    const WEEK_MS: u64 = 7 * 24 * 3_600_000;
    let mut fakes = Fakes::new(vec![Reply::Call("act"), Reply::Text("ready")]);
    fakes.approval = ApprovalMode::Always;
    let settings = EngineSettings { sweep_ms: 3_600_000, ..EngineSettings::default() };
    let bench = Bench::over(Arc::default(), fakes, settings).await;
    bench.create("go").await;
    bench.rest().await;
    let due = |stats: EngineStats| stats.recovered_sessions;
    assert_eq!(bench.row().await.status, SessionStatus::RequiresAction);
    let before = due(bench.engine.stats());
    pass(WEEK_MS + 2 * 3_600_000).await;
    assert_eq!(bench.row().await.status, SessionStatus::Idle, "{}", bench.kinds().await);
    assert_eq!(due(bench.engine.stats()) - before, 1, "it was taken up once");
}

#[tokio::test(start_paused = true)]
async fn a_state_that_does_not_fit_is_folded_again() {
    let settings = EngineSettings { parked_cache_bytes: 0, ..EngineSettings::default() };
    let bench = Bench::over(Arc::default(), Fakes::new(Vec::new()), settings).await;
    bench.create("one").await;
    bench.rest().await;
    assert_eq!(bench.engine.stats().parked_sessions, 0);
    bench.input("two").await.expect("accepted");
    bench.rest().await;
    assert_eq!(bench.kinds().await.matches("turn.ended Completed").count(), 2);
}
