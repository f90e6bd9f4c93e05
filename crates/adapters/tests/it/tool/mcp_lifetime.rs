//! MCP servers that end, and what ends with them.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use mainstay_core::port::{Tools, WorldChange};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use serde_json::json;

use super::mcp_support::{HttpFixture, Log, program, source, stdio};
use super::support::{Bench, Wanted, text};

fn bench(log: &Log) -> Bench {
    Bench::new(Wanted { mcp_servers: program(log, false), ..Wanted::default() })
}

/// A process that can be waited for by anybody.
struct Watched {
    pid: Pid,
    handle: Arc<OwnedFd>,
}

impl Watched {
    fn new(number: &str) -> Self {
        let pid = Pid::from_raw(number.parse().expect("a number")).expect("a process");
        let handle = Arc::new(pidfd_open(pid, PidfdFlags::empty()).expect("it runs"));
        Self { pid, handle }
    }

    async fn ended(&self) {
        let handle = Arc::clone(&self.handle);
        let waiting = tokio::task::spawn_blocking(move || {
            poll(&mut [PollFd::new(&handle, PollFlags::IN)], None).expect("it can be waited for")
        });
        assert_eq!(waiting.await.expect("no panic"), 1);
    }
}

async fn processes(bench: &Bench) -> (Watched, Watched) {
    let found = bench.call(&source(stdio()), "children", json!({})).await;
    let (own, child) = found.split_once(' ').expect("two numbers");
    (Watched::new(own), Watched::new(child))
}

#[tokio::test]
async fn a_program_ends_with_all_it_started_when_the_tools_go() {
    let log = Log::start().await;
    let bench = bench(&log);
    let (own, child) = processes(&bench).await;
    drop(bench);
    own.ended().await;
    child.ended().await;
}

#[tokio::test]
async fn a_program_that_crashes_in_a_call_leaves_the_world_open_and_is_started_again() {
    let mut log = Log::start().await;
    let bench = bench(&log);
    let source = source(stdio());
    let (own, child) = processes(&bench).await;
    for (safety, world) in [("charge", WorldChange::Maybe), ("echo", WorldChange::No)] {
        let spec = bench.prepare(&source, safety, json!({})).await.spec.safety;
        let mut call = bench.prepare(&source, "crash", json!({})).await;
        Arc::make_mut(&mut call.spec).safety = spec;
        let error = bench.tools.call(call).await.expect_err("it crashed");
        assert_eq!((error.retryable, error.world), (true, world), "{error}");
        log.wait_for("crash eff_1").await;
    }
    own.ended().await;
    assert_eq!(bench.call(&source, "note", json!({})).await, "done note");
    // What the first one had started did not outlive it.
    child.ended().await;
}

#[tokio::test]
async fn a_program_that_is_killed_between_calls_is_started_again() {
    let log = Log::start().await;
    let bench = bench(&log);
    let source = source(stdio());
    let call = bench.prepare(&source, "charge", json!({})).await;
    let (own, _child) = processes(&bench).await;
    kill_process(own.pid, Signal::KILL).expect("killed");
    own.ended().await;
    // The end of its output may be seen a moment later than its end: a call in between fails, and
    // says that nothing or perhaps something happened; the next one finds a new program.
    let found = loop {
        match bench.tools.call(call.clone()).await {
            Ok(output) => break text(&output),
            Err(error) => assert!(error.retryable, "{error}"),
        }
    };
    assert_eq!(found, "done charge");
}

#[tokio::test]
async fn a_host_that_goes_in_a_call_leaves_the_world_open() {
    for is_legacy in [false, true] {
        let mut log = Log::start().await;
        let http = HttpFixture::start(&log, is_legacy).await;
        let bench = Bench::reaching(&http.address.to_string());
        let source = source(http.transport("right"));
        let call = bench.prepare(&source, "hang", json!({})).await;
        let calling = bench.tools.call(call.clone());
        tokio::pin!(calling);
        tokio::select! {
            answer = &mut calling => panic!("{answer:?}"),
            _ = log.wait_for("hang eff_1") => {}
        }
        drop(http);
        let error = calling.await.expect_err("nobody answers");
        assert_eq!((error.retryable, error.world), (true, WorldChange::Maybe), "{error}");
        // A connection that was kept may break only when it is used: that leaves the world open as
        // well, and the connection is not used again.
        let error = loop {
            let error = bench.tools.call(call.clone()).await.expect_err("nobody is there");
            if error.world == WorldChange::No {
                break error;
            }
        };
        assert!(error.retryable, "{error}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_started_is_given_a_pause() {
    let log = Log::start().await;
    let mut servers = program(&log, false);
    servers.get_mut("fixture").expect("the fixture").command = "false".to_owned();
    let bench = Bench::new(Wanted { mcp_servers: servers, ..Wanted::default() });
    let sources = [source(stdio())];
    let mut pauses = Vec::new();
    for _ in 0..3 {
        let error = bench.try_specs(&sources).await.expect_err("it ends at once");
        let pause_ms = error.retry_after_ms.expect("a pause");
        pauses.push(pause_ms);
        bench.clock.advance(pause_ms - 1);
        let error = bench.try_specs(&sources).await.expect_err("it is not tried yet");
        assert!(error.message.ends_with("it failed a moment ago"), "{error}");
        assert_eq!(error.retry_after_ms, Some(1));
        bench.clock.advance(1);
    }
    assert_eq!(pauses, [500, 1_000, 2_000]);
}
