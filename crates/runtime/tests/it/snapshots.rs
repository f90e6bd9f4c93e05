//! Sessions that are taken up from a saved fold.

use std::sync::Arc;

use mainstay_core::session::snapshot;
use mainstay_protocol::TaskKey;
use mainstay_runtime::EngineSettings;
use mainstay_store::{ClaimRequest, ClaimWhat, Commit, Snapshot, Store};

use crate::support::{Bench, Fakes, session};

/// Tokens that no model call of these tests cost.
const MARK_TOKENS: u64 = 1_000_000;

async fn bench(snapshot_least_bytes: u64) -> Bench {
    let settings =
        EngineSettings { parked_cache_bytes: 0, snapshot_least_bytes, ..EngineSettings::default() };
    let bench = Bench::over(Arc::default(), Fakes::new(Vec::new()), settings).await;
    bench.create("one").await;
    bench.rest().await;
    bench
}

async fn saved(bench: &Bench) -> Option<Snapshot> {
    bench.store.snapshot(&session().as_str().into()).await.expect("answers")
}

/// Puts another snapshot in the place of what there is.
async fn put(bench: &Bench, snapshot: Snapshot) {
    let key = TaskKey { kind: "session".into(), subject: session().as_str().into() };
    let request =
        ClaimRequest { what: ClaimWhat::One(key), owner: "local".into(), now_ms: 0, lease_ms: 1 };
    let claims = bench.store.claim(request).await.expect("answers");
    let commit = Commit {
        journal: session().as_str().into(),
        expected_seq: snapshot.seq,
        epoch: claims[0].epoch,
        entries: Vec::new(),
        rows: Vec::new(),
        tasks: Vec::new(),
        snapshot: Some(snapshot),
        erases: false,
        adopts: None,
        frees: Vec::new(),
    };
    bench.store.commit(commit).await.expect("commits");
    bench.store.renew(&claims, 0, 0).await.expect("answers");
}

/// The state of the session with a cost that its journal does not know.
async fn marked(bench: &Bench) -> Snapshot {
    let found = saved(bench).await.expect("the session was saved");
    let mut state = snapshot::decode(found.version, &found.bytes).expect("its own version");
    assert_eq!(state.seq, bench.entries().await.len() as u64, "saved where it rests");
    state.usage.input_tokens += MARK_TOKENS;
    Snapshot { bytes: snapshot::encode(&state).expect("rests").into(), ..found }
}

async fn tokens_after_a_turn(bench: &Bench) -> u64 {
    bench.input("two").await.expect("accepted");
    bench.rest().await;
    assert_eq!(bench.kinds().await.matches("turn.ended Completed").count(), 2);
    bench.row().await.usage.input_tokens
}

#[tokio::test(start_paused = true)]
async fn a_session_goes_on_from_its_snapshot() {
    let bench = bench(1).await;
    let marked = marked(&bench).await;
    put(&bench, marked).await;
    assert!(tokens_after_a_turn(&bench).await >= MARK_TOKENS);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_counts_as_none() {
    for spoil in [
        (|saved: Snapshot| Snapshot { version: snapshot::VERSION + 1, ..saved })
            as fn(Snapshot) -> Snapshot,
        |saved| Snapshot { bytes: saved.bytes[..saved.bytes.len() / 2].into(), ..saved },
    ] {
        let bench = bench(1).await;
        let marked = marked(&bench).await;
        put(&bench, spoil(marked)).await;
        assert!(tokens_after_a_turn(&bench).await < MARK_TOKENS);
    }
}

#[tokio::test(start_paused = true)]
async fn little_is_not_worth_a_snapshot() {
    assert!(saved(&bench(1 << 20).await).await.is_none());
}
