//! Old checkpoints: what goes, what stays, and what may be asked of a session then.

use std::sync::Arc;

use mainstay_core::fact::{Fact, SandboxOperation};
use mainstay_protocol::{ErrorCode, SessionId};
use mainstay_runtime::bundle::read_bundle;
use mainstay_runtime::{CheckpointSeen, EngineSettings};
use mainstay_store::{MemoryStore, Store};

use crate::sandboxes::{bench, bench_over, checkpoints, go_on, start};
use crate::support::{Bench, Reply, caller, session};

const KEPT: usize = 3;

fn settings() -> EngineSettings {
    EngineSettings { kept_checkpoints: 3, kept_checkpoints_ms: 0, ..EngineSettings::default() }
}

fn replies(turn_count: usize) -> Vec<Reply> {
    (0..turn_count).flat_map(|_| [Reply::Call("act"), Reply::Text("done")]).collect()
}

async fn turns(bench: &Bench, count: usize) {
    start(bench).await;
    for _ in 1..count {
        go_on(bench, &session()).await;
    }
    // What is due beside the session's turns is done.
    crate::support::pass(60_000).await;
    bench.rest().await;
}

async fn has(bench: &Bench, owner: &SessionId, seen: &CheckpointSeen) -> bool {
    let root = &seen.checkpoint.as_ref().expect("saved").workspace;
    let found = bench.store.blob(&owner.as_str().into(), root).await;
    found.expect("answers").is_some()
}

async fn collected(bench: &Bench) -> Vec<(u64, u32, u32)> {
    let told = |entry| match Fact::read(entry).expect("a known fact") {
        Fact::SandboxOperated(fact) => match fact.operation {
            SandboxOperation::Collected { before, checkpoint_count, blob_count, .. } => {
                Some((before, checkpoint_count, blob_count))
            }
            _ => None,
        },
        _ => None,
    };
    bench.entries().await.iter().filter_map(told).collect()
}

#[tokio::test(start_paused = true)]
async fn old_checkpoints_go_and_the_rest_is_whole() {
    let bench = bench_over(Arc::new(MemoryStore::new()), replies(9), settings()).await;
    turns(&bench, 8).await;
    let seen = checkpoints(&bench, &session()).await;
    let told = collected(&bench).await;
    assert!(!told.is_empty());
    let (before, _, _) = *told.last().expect("some");
    let counted: u32 = told.iter().map(|(_, count, _)| count).sum();
    let gone = seen.iter().filter(|seen| !seen.is_kept).count();
    assert_eq!(gone, usize::try_from(counted).expect("few"));
    assert!(seen.len() - gone >= KEPT, "{told:?}");
    assert!(seen.len() - gone <= 2 * KEPT, "no more than gather: {told:?}");
    for seen in &seen {
        assert_eq!(seen.is_kept, seen.seq >= before);
        // The names of the last that went stay: the next turn's artifacts are what is different from it.
        if seen.is_kept {
            assert!(has(&bench, &session(), seen).await, "{seen:?}");
        }
    }
    assert!(!has(&bench, &session(), &seen[0]).await, "what went is gone");
    let stats = bench.engine.stats();
    assert_eq!(stats.collected_checkpoints, u64::from(counted));
    assert!(stats.freed_blobs > 0);

    // A machine that is lost comes back.
    let files = bench.fakes.machines.files(&session()).expect("a machine");
    bench.fakes.machines.lose(&session());
    go_on(&bench, &session()).await;
    let found = bench.fakes.machines.files(&session()).expect("a machine");
    assert!(files.iter().all(|file| found.contains(file)), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn forks_bundles_and_set_backs_know_what_went() {
    let bench = bench_over(Arc::new(MemoryStore::new()), replies(10), settings()).await;
    turns(&bench, 8).await;
    let ann = caller("ten_test");
    let seen = checkpoints(&bench, &session()).await;
    let (before, _, _) = *collected(&bench).await.last().expect("some went");

    let set_back = bench.engine.restore_sandbox(&ann, &session(), seen[0].seq).await;
    let forked = bench.engine.fork(&ann, &session(), Some(seen[0].seq), None, None).await;
    for (refused, param) in [(set_back.map(drop), "checkpoint"), (forked.map(drop), "seq")] {
        let refused = refused.expect_err("it is kept no longer");
        assert_eq!(
            (refused.code, refused.param.as_deref()),
            (ErrorCode::InvalidParameter, Some(param))
        );
        assert!(refused.message.contains(&format!("entry {before}")), "{}", refused.message);
    }

    // The oldest that is kept, at an entry before the one that says what went.
    let oldest = seen.iter().find(|seen| seen.is_kept).expect("kept");
    let fork = SessionId::parse("ses_fork").expect("a plain id");
    let forked =
        bench.engine.fork(&ann, &session(), Some(oldest.seq), Some(fork.clone()), None).await;
    forked.expect("forked");
    assert!(has(&bench, &fork, oldest).await);
    for copy in checkpoints(&bench, &fork).await {
        assert_eq!(copy.is_kept, copy.seq >= before, "a copy has no more than its original");
    }
    let refused = bench.engine.fork(&ann, &fork, Some(seen[0].seq), None, None).await;
    assert_eq!(refused.expect_err("gone there too").code, ErrorCode::InvalidParameter);
    go_on(&bench, &fork).await;

    for original in [session(), fork] {
        let bytes = bench.engine.export(&ann, &original).await.expect("exported");
        let bundle = read_bundle(&bytes).expect("verifies");
        let other = self::bench(replies(1)).await;
        let mut less = bundle.blobs.clone();
        let newest = checkpoints(&bench, &original).await.pop().expect("one");
        less.remove(&newest.checkpoint.expect("saved").workspace).expect("it is there");
        let refused = other.engine.import(&ann, bundle.entries.clone(), less, None, None).await;
        assert_eq!(refused.expect_err("a blob is missing").code, ErrorCode::InvalidParameter);
        let imported = other.engine.import(&ann, bundle.entries, bundle.blobs, None, None).await;
        imported.expect("brought in");
        go_on(&other, &original).await;
        let files = other.fakes.machines.files(&original).expect("a machine");
        assert!(files.len() > 1, "the workspace came along");
    }
}

#[tokio::test(start_paused = true)]
async fn a_set_back_session_keeps_what_it_stands_on() {
    let bench = bench_over(Arc::new(MemoryStore::new()), replies(12), settings()).await;
    turns(&bench, 4).await;
    let ann = caller("ten_test");
    let seen = checkpoints(&bench, &session()).await;
    let oldest = seen.iter().find(|seen| seen.is_kept).expect("kept").clone();
    bench.engine.restore_sandbox(&ann, &session(), oldest.seq).await.expect("set back");
    for _ in 0..8 {
        // Nothing is saved where no machine is, so that the session stands on the old one.
        bench.engine.checkpoint(&ann, &session()).await.expect("nothing to save");
    }
    crate::support::pass(60_000).await;
    assert!(has(&bench, &session(), &oldest).await);
    go_on(&bench, &session()).await;
    assert!(!bench.fakes.machines.files(&session()).expect("a machine").is_empty());
}

#[tokio::test(start_paused = true)]
async fn young_checkpoints_stay_until_they_are_old() {
    const AGE_MS: u64 = 3_600_000;
    let settings = EngineSettings { kept_checkpoints_ms: AGE_MS, ..settings() };
    let bench = bench_over(Arc::new(MemoryStore::new()), replies(8), settings).await;
    turns(&bench, 8).await;
    assert_eq!(collected(&bench).await, [], "all are young");
    crate::support::pass(AGE_MS + 60_000).await;
    bench.rest().await;
    let kept = checkpoints(&bench, &session()).await.iter().filter(|seen| seen.is_kept).count();
    assert_eq!(kept, KEPT, "time alone lets them go");
}
