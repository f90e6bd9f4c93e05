//! Sessions with machines: what they are given, what is saved of them, and when they end.

use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay_core::fact::Fact;
use mainstay_core::port::{
    ExecRequest, NetworkRule, Readiness, SandboxSetup, SandboxSpec, SandboxTier, Sandboxes,
    ToolCall, ToolError, ToolOutput, WorldChange,
};
use mainstay_core::session::{Command, InputMode, SESSIONS, SessionRow};
use mainstay_protocol::{Entry, ErrorCode, RowKey, SessionId};
use mainstay_runtime::bundle::read_bundle;
use mainstay_runtime::{EngineSettings, NewSandbox, NewSession, StoreBlobs, Submission};
use mainstay_store::{Direction, MemoryStore, Store};

use crate::machines::FakeSandboxes;
use crate::support::{Bench, Fakes, Reply, caller, session, text};

fn spec() -> SandboxSpec {
    SandboxSpec {
        tier: None,
        image: "default".to_owned(),
        cpus: 1,
        memory_mib: 512,
        disk_mib: 1_024,
        processes: 64,
        network: NetworkRule::None,
        executor: None,
    }
}

/// A bench whose tool runs a command in the session's machine.
pub(crate) async fn bench(replies: Vec<Reply>) -> Bench {
    bench_over(Arc::new(MemoryStore::new()), replies, EngineSettings::default()).await
}

pub(crate) async fn bench_over(
    store: Arc<MemoryStore>,
    replies: Vec<Reply>,
    settings: EngineSettings,
) -> Bench {
    let fakes = Fakes::new(replies);
    let machines = fakes.machines.clone();
    *fakes.act.lock().expect("test") = Arc::new(move |call| {
        let machines = machines.clone();
        Box::pin(async move { run(&machines, &call).await })
    });
    let bench = Bench::over(store, fakes, settings).await;
    give_blobs(&bench);
    bench
}

fn give_blobs(bench: &Bench) {
    let blobs = Arc::new(StoreBlobs::new(bench.store.clone()));
    // A second engine over the same store has them already.
    let _ = bench.fakes.machines.blobs.set(blobs);
}

async fn run(machines: &FakeSandboxes, call: &ToolCall) -> Result<ToolOutput, ToolError> {
    let request = call.context.sandbox.as_ref().expect("a tool of the session's machine");
    let exec = ExecRequest {
        effect: call.effect.clone(),
        argv: vec!["true".to_owned()],
        cwd: "/workspace".to_owned(),
        env: BTreeMap::new(),
        stdin: bytes::Bytes::new(),
        timeout_ms: 1_000,
        output_limit_bytes: 1_000,
    };
    match machines.exec(request, exec, None).await {
        Ok((_, readiness)) => Ok(ToolOutput::text(format!("{readiness:?}"))),
        Err(error) => Err(ToolError {
            message: error.to_string(),
            retryable: false,
            world: WorldChange::No,
            retry_after_ms: None,
            needs: None,
        }),
    }
}

fn new_session(bench: &Bench, setup: SandboxSetup) -> NewSession {
    let sandbox = Some(NewSandbox { spec: spec(), setup });
    NewSession { sandbox, ..bench.new_session("go") }
}

pub(crate) async fn start(bench: &Bench) {
    let new = new_session(bench, SandboxSetup::default());
    bench.engine.create_session(new).await.expect("created");
    bench.rest().await;
}

pub(crate) async fn go_on(bench: &Bench, session: &SessionId) {
    let commands = vec![Command::Input { messages: text("more"), mode: InputMode::Steer }];
    let submission = Submission { caller: caller("ten_test"), commands, idempotency: None };
    bench.engine.submit(session, submission).await.expect("accepted");
    bench.rest().await;
}

/// The kinds of a journal's entries, of effects with what they are.
fn kinds(entries: &[Entry]) -> Vec<String> {
    let kind = |entry: &Entry| match Fact::read(entry).expect("a known fact") {
        Fact::EffectCompleted(fact) => {
            let outcome = serde_json::to_value(&fact.outcome).expect("serialises");
            format!("completed {}", outcome["type"].as_str().unwrap_or_default())
        }
        Fact::EffectFailed(fact) => {
            format!("failed {}", if fact.retry_at_ms.is_some() { "for now" } else { "for good" })
        }
        other => other.kind().to_owned(),
    };
    entries.iter().map(kind).collect()
}

pub(crate) async fn checkpoints(
    bench: &Bench,
    session: &SessionId,
) -> Vec<mainstay_runtime::CheckpointSeen> {
    let ann = caller("ten_test");
    let page = bench.engine.checkpoints(&ann, session, None, Direction::Ascending, 100).await;
    page.expect("answers").checkpoints
}

fn readiness(bench: &Bench) -> Vec<Readiness> {
    bench.fakes.machines.asked.lock().expect("no panic").clone()
}

#[tokio::test(start_paused = true)]
async fn a_turn_with_compute_leaves_a_checkpoint_from_which_a_lost_machine_comes_back() {
    let replies = vec![
        Reply::Call("act"),
        Reply::Text("ready"),
        Reply::Call("act"),
        Reply::Text("again"),
        Reply::Call("act"),
        Reply::Text("and again"),
    ];
    let bench = bench(replies).await;
    start(&bench).await;
    let written = kinds(&bench.entries().await);
    assert_eq!(written.last().map(String::as_str), Some("turn.ended"));
    assert_eq!(written[written.len() - 2], "completed checkpoint");
    let files = bench.fakes.machines.files(&session()).expect("a machine");

    bench.fakes.machines.lose(&session());
    go_on(&bench, &session()).await;
    let restored = bench.fakes.machines.files(&session()).expect("a machine");
    assert!(restored.starts_with(&files) || files.iter().all(|file| restored.contains(file)));
    let lost = |lost_calls| Readiness::Restored { lost_calls };
    assert_eq!(readiness(&bench), [Readiness::New, lost(0)]);

    // A checkpoint that fails costs nothing but what it should have held.
    bench.fakes.machines.failures.lock().expect("no panic").0 = 100;
    go_on(&bench, &session()).await;
    let written = kinds(&bench.entries().await);
    assert!(written.contains(&"failed for good".to_owned()), "{written:?}");
    assert_eq!(written.last().map(String::as_str), Some("turn.ended"));
    bench.fakes.machines.lose(&session());
    bench.fakes.replies.lock().expect("test").extend([Reply::Call("act"), Reply::Text("ok")]);
    go_on(&bench, &session()).await;
    assert_eq!(readiness(&bench)[3], lost(1), "the call that was not saved is counted");
    let numbers: Vec<u64> = checkpoints(&bench, &session())
        .await
        .iter()
        .flat_map(|seen| &seen.connections)
        .map(|connection| connection.number)
        .collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_under_way_is_made_again_after_a_crash() {
    let bench = bench(vec![Reply::Call("act"), Reply::Text("ready")]).await;
    bench.fakes.machines.failures.lock().expect("no panic").0 = 1;
    let new = new_session(&bench, SandboxSetup::default());
    bench.engine.create_session(new).await.expect("created");
    // Dies while it waits to try again.
    while !kinds(&bench.entries().await).contains(&"failed for now".to_owned()) {
        crate::support::pass(1).await;
    }
    let bench = bench.crash().await;
    bench.rest().await;
    let written = kinds(&bench.entries().await);
    assert_eq!(written[written.len() - 2..], ["completed checkpoint", "turn.ended"]);
}

#[tokio::test(start_paused = true)]
async fn a_fork_begins_with_the_checkpoint_of_its_place_and_keeps_it() {
    let replies = vec![
        Reply::Call("act"),
        Reply::Text("ready"),
        Reply::Call("act"),
        Reply::Text("again"),
        Reply::Call("act"),
        Reply::Text("in the fork"),
    ];
    let bench = bench(replies).await;
    start(&bench).await;
    let first_end = bench.entries().await.last().expect("entries").seq;
    let first_files = bench.fakes.machines.files(&session()).expect("a machine");
    go_on(&bench, &session()).await;

    let ann = caller("ten_test");
    let fork = SessionId::parse("ses_fork").expect("a plain id");
    let forked =
        bench.engine.fork(&ann, &session(), Some(first_end), Some(fork.clone()), None).await;
    forked.expect("forked");
    bench.engine.erase(&ann, &session()).await.expect("erased");
    bench.rest().await;
    assert!(bench.fakes.machines.files(&session()).is_none(), "its machine ends with a session");
    go_on(&bench, &fork).await;
    let files = bench.fakes.machines.files(&fork).expect("a machine");
    assert!(first_files.iter().all(|file| files.contains(file)), "{files:?}");
    assert_eq!(files.len(), first_files.len() + 1, "what came later is not there");
    assert_eq!(readiness(&bench).last(), Some(&Readiness::Restored { lost_calls: 0 }));
    let journal = session().as_str().into();
    for seen in checkpoints(&bench, &fork).await {
        let root = seen.checkpoint.expect("saved").workspace;
        let kept = bench.store.blob(&journal, &root).await.expect("answers");
        assert_eq!(kept, None, "what belonged to the session is gone from it");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bundle_takes_the_workspace_along() {
    let bench = bench(vec![Reply::Call("act"), Reply::Text("ready")]).await;
    start(&bench).await;
    let ann = caller("ten_test");
    let bytes = bench.engine.export(&ann, &session()).await.expect("exported");
    let bundle = read_bundle(&bytes).expect("verifies");
    assert_eq!((bundle.manifest.version, bundle.blobs.len()), (2, 2));
    let files = bench.fakes.machines.files(&session()).expect("a machine");

    let other = self::bench(vec![Reply::Call("act"), Reply::Text("here")]).await;
    let mut less = bundle.blobs.clone();
    less.pop_first();
    let refused = other.engine.import(&ann, bundle.entries.clone(), less, None, None).await;
    assert_eq!(refused.expect_err("a blob is missing").code, ErrorCode::InvalidParameter);
    let mut forged = bundle.blobs.clone();
    forged.values_mut().next().expect("blobs").push(b'x');
    let refused = other.engine.import(&ann, bundle.entries.clone(), forged, None, None).await;
    assert_eq!(refused.expect_err("a blob is forged").code, ErrorCode::InvalidParameter);

    let imported = other.engine.import(&ann, bundle.entries, bundle.blobs, None, None).await;
    imported.expect("brought in");
    go_on(&other, &session()).await;
    let found = other.fakes.machines.files(&session()).expect("a machine");
    assert!(files.iter().all(|file| found.contains(file)), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_sessions_machine_ends_however_often_that_fails_and_over_a_crash() {
    let bench = bench(vec![Reply::Call("act"), Reply::Text("ready")]).await;
    start(&bench).await;
    bench.fakes.machines.failures.lock().expect("no panic").1 = 2;
    bench.engine.erase(&caller("ten_test"), &session()).await.expect("erased");
    let bench = bench.crash().await;
    bench.rest().await;
    crate::support::pass(120_000).await;
    assert_eq!(*bench.fakes.machines.destroyed.lock().expect("no panic"), [session()]);
    assert!(bench.fakes.machines.machines.lock().expect("no panic").is_empty());
}

#[tokio::test(start_paused = true)]
async fn machines_that_nobody_knows_end_at_the_start() {
    let bench = bench(vec![Reply::Call("act"), Reply::Text("ready")]).await;
    start(&bench).await;
    let stray = SessionId::parse("ses_stray").expect("a plain id");
    let machines = bench.fakes.machines.clone();
    machines.machines.lock().expect("no panic").insert(stray.clone(), BTreeMap::new());
    let bench = bench.crash().await;
    bench.rest().await;
    assert_eq!(*machines.destroyed.lock().expect("no panic"), [stray]);
    assert!(machines.files(&session()).is_some(), "a session's machine is found again");
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_cannot_be_had_is_refused_before_there_is_a_session() {
    let bench = bench(Vec::new()).await;
    let mut new = new_session(&bench, SandboxSetup::default());
    new.sandbox.as_mut().expect("asked for").spec.tier = Some(SandboxTier::Microvm);
    let refused = bench.engine.create_session(new).await.expect_err("there is no microVM");
    assert_eq!(
        (refused.code, refused.param.as_deref()),
        (ErrorCode::Unsupported, Some("environment"))
    );
    assert!(bench.entries().await.is_empty());

    // Without a key nothing secret can be kept.
    let env = [("A".to_owned(), "b".to_owned())].into();
    let setup = SandboxSetup { env, ..SandboxSetup::default() };
    let refused = bench.engine.create_session(new_session(&bench, setup)).await;
    assert_eq!(refused.expect_err("no seals").code, ErrorCode::Unsupported);
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_is_made_on_demand_and_files_are_written_and_saved() {
    let bench = bench(vec![Reply::Call("act"), Reply::Text("ready")]).await;
    let ann = caller("ten_test");
    let refused = bench.engine.checkpoint(&ann, &session()).await;
    assert_eq!(refused.expect_err("no session").code, ErrorCode::NotFound);
    start(&bench).await;
    let before = checkpoints(&bench, &session()).await.len();
    let seen = bench.engine.checkpoint(&ann, &session()).await.expect("made");
    assert_eq!(seen.checkpoint.map(|saved| saved.file_count), Some(1));
    let content = bytes::Bytes::from_static(b"hello");
    let written = bench.engine.write_sandbox_file(&ann, &session(), "/workspace/a", content).await;
    written.expect("written");
    let all = checkpoints(&bench, &session()).await;
    assert_eq!(all.len(), before + 2);
    assert_eq!(all[before + 1].checkpoint.as_ref().map(|saved| saved.file_count), Some(2));
    bench.fakes.machines.lose(&session());
    let read = bench.engine.read_sandbox_file(&ann, &session(), "/workspace/a", 0, 100).await;
    assert_eq!(read.expect("restored").0, "hello");
    let listed = bench.engine.sandbox_files(&ann, &session(), "/workspace", true, None, 9).await;
    assert_eq!(listed.expect("listed").len(), 2);

    bench.fakes.machines.failures.lock().expect("no panic").0 = 100;
    let failed = bench.engine.checkpoint(&ann, &session()).await.expect_err("cannot be saved");
    assert_eq!(failed.code, ErrorCode::ToolUnavailable, "{failed}");
    let stranger = caller("ten_other");
    let refused =
        bench.engine.sandbox_files(&stranger, &session(), "/workspace", true, None, 9).await;
    assert_eq!(refused.expect_err("not theirs").code, ErrorCode::NotFound);
}

#[tokio::test(start_paused = true)]
async fn pages_of_checkpoints_go_both_ways() {
    let bench = bench(vec![Reply::Call("act"), Reply::Text("ready")]).await;
    start(&bench).await;
    let ann = caller("ten_test");
    for _ in 0..4 {
        bench.engine.checkpoint(&ann, &session()).await.expect("made");
    }
    for direction in [Direction::Ascending, Direction::Descending] {
        let (mut after, mut found) = (None, Vec::new());
        loop {
            let page = bench.engine.checkpoints(&ann, &session(), after, direction, 2).await;
            let page = page.expect("answers");
            found.extend(page.checkpoints.iter().map(|seen| seen.seq));
            if !page.has_more {
                break;
            }
            after = found.last().copied();
        }
        assert_eq!(found.len(), 5);
        assert_eq!(found.is_sorted(), direction == Direction::Ascending, "{found:?}");
    }
    let key = RowKey::new(&SESSIONS, &[session().as_str()]);
    let row = bench.store.row(&key).await.expect("answers").expect("a row");
    let row: SessionRow = row.read().expect("a session row");
    let workspace = row.workspace.expect("it has a machine");
    assert_eq!((workspace.calls_since, workspace.last_connection), (0, 5));
}
