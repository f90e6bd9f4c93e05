//! Forks and imports: what a copy holds, and that nothing is done a second time.

use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay_core::fact::Fact;
use mainstay_core::session::{Command, InputMode, SESSIONS, SessionRow, SessionStatus};
use mainstay_protocol::{Entry, ErrorCode, Hash, RowKey, SessionId};
use mainstay_runtime::Submission;
use mainstay_store::{EntryRange, Store};

use crate::support::{Bench, Fakes, Reply, caller, pass, session, text};

fn named(name: &str) -> SessionId {
    SessionId::parse(name).expect("a plain id")
}

async fn entries(bench: &Bench, session: &SessionId) -> Vec<Entry> {
    let range = EntryRange::following(0, usize::MAX);
    bench.store.entries(&session.as_str().into(), range).await.expect("answers")
}

async fn row(bench: &Bench, session: &SessionId) -> SessionRow {
    let key = RowKey::new(&SESSIONS, &[session.as_str()]);
    let row = bench.store.row(&key).await.expect("answers").expect("the session has a row");
    row.read().expect("a session row")
}

/// The copy verifies, holds the original's facts under its own name, and says where they are from.
fn check_copy(original: &[Entry], copy: &[Entry], name: &SessionId, kind: &str) {
    let mut last = (0, Hash::ZERO);
    for entry in copy {
        entry.verify_after(last.0, last.1).expect("the copy is a chain");
        assert_eq!(entry.journal.as_ref(), name.as_str());
        last = (entry.seq, entry.hash);
    }
    for (theirs, ours) in original.iter().zip(copy).skip(1) {
        assert_eq!(theirs.payload.get(), ours.payload.get());
        assert_eq!((theirs.at, &theirs.principal), (ours.at, &ours.principal));
    }
    let origin = &copy[original.len()];
    assert_eq!(origin.kind.as_ref(), kind);
    let fact = Fact::read(origin).expect("a known fact");
    let (Fact::SessionForked(origin) | Fact::SessionImported(origin)) = fact else {
        panic!("{fact:?} says nothing of an origin");
    };
    let end = original.last().expect("the original has entries");
    assert_eq!((origin.seq, origin.hash), (end.seq, end.hash));
}

#[tokio::test(start_paused = true)]
async fn a_fork_repeats_nothing_and_goes_its_own_way() {
    let replies = vec![Reply::Call("act"), Reply::Text("ready"), Reply::Text("again")];
    let bench = Bench::new(Fakes::new(replies)).await;
    bench.create("go").await;
    bench.rest().await;
    let fork = named("ses_fork");
    let (ann, name) = (caller("ten_test"), Some(fork.clone()));
    let accepted = bench.engine.fork(&ann, &session(), None, name).await.expect("forked");
    assert_eq!(accepted.session, fork);
    let original = bench.entries().await;
    check_copy(&original, &entries(&bench, &fork).await, &fork, "session.forked");
    bench.rest().await;
    assert_eq!(entries(&bench, &fork).await.len(), original.len() + 1, "nothing is run");
    assert_eq!(row(&bench, &fork).await.status, SessionStatus::Idle);

    let commands = vec![Command::Input { messages: text("more"), mode: InputMode::Steer }];
    let submission = Submission { caller: caller("ten_test"), commands, idempotency: None };
    bench.engine.submit(&fork, submission).await.expect("accepted");
    bench.rest().await;
    assert!(entries(&bench, &fork).await.len() > original.len() + 1);
    assert_eq!(bench.entries().await.len(), original.len(), "the original stays as it was");
}

#[tokio::test(start_paused = true)]
async fn what_was_under_way_ends_in_a_fork() {
    let bench = Bench::new(Fakes::new(vec![Reply::Call("act"), Reply::Text("ready")])).await;
    bench.create("go").await;
    bench.rest().await;
    let attempted = bench.entries().await;
    let attempted = attempted.iter().find(|entry| entry.kind.as_ref() == "effect.attempted");
    let at = attempted.expect("a once call was attempted").seq;
    let fork = named("ses_fork");
    let (ann, name) = (caller("ten_test"), Some(fork.clone()));
    bench.engine.fork(&ann, &session(), Some(at), name).await.expect("forked");
    bench.rest().await;
    let copy = entries(&bench, &fork).await;
    let ends: Vec<_> =
        copy.iter().filter(|entry| entry.seq > at).map(|entry| entry.kind.as_ref()).collect();
    assert_eq!(ends, ["session.forked", "effect.unknown", "turn.ended"]);
    assert_eq!(row(&bench, &fork).await.status, SessionStatus::Idle);
}

#[tokio::test(start_paused = true)]
async fn a_journal_is_brought_in_once_and_whole() {
    let bench = Bench::new(Fakes::new(vec![Reply::Text("ready")])).await;
    bench.create("go").await;
    bench.rest().await;
    let journal = bench.entries().await;
    let other = Bench::new(Fakes::new(Vec::new())).await;
    let ann = caller("ten_other");
    let import = |entries: Vec<Entry>| other.engine.import(&ann, entries, BTreeMap::new(), None);
    import(journal.clone()).await.expect("brought in");
    check_copy(&journal, &entries(&other, &session()).await, &session(), "session.imported");
    assert_eq!(row(&other, &session()).await.tenant.as_str(), "ten_other");

    let taken = import(journal.clone()).await.expect_err("the id is taken");
    assert_eq!(taken.code, ErrorCode::Conflict);
    for broken in [journal[1..].to_vec(), Vec::new(), swapped(&journal)] {
        let refused = import(broken).await.expect_err("no journal of a session");
        assert_eq!(refused.code, ErrorCode::InvalidParameter);
    }
}

fn swapped(journal: &[Entry]) -> Vec<Entry> {
    let mut entries = journal.to_vec();
    entries[1].principal = Arc::from("somebody else");
    entries
}

#[tokio::test(start_paused = true)]
async fn a_deleted_session_leaves_its_tombstone_alone() {
    let bench = Bench::new(Fakes::new(vec![Reply::Text("ready")])).await;
    bench.create("a secret").await;
    bench.rest().await;
    let last = bench.entries().await.last().expect("entries").hash;
    bench.engine.erase(&caller("ten_test"), &session()).await.expect("erased");
    let left = bench.entries().await;
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].kind.as_ref(), left[0].prev_hash), ("session.deleted", last));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_nobody_keeps_is_gone_when_its_time_has_come_over_a_crash() {
    let bench = Bench::new(Fakes::new(vec![Reply::Text("ready")])).await;
    bench.create("a secret").await;
    bench.engine.forget_after(&caller("ten_test"), &session(), 3_600_000).await.expect("announced");
    bench.rest().await;
    let bench = bench.crash().await;
    pass(3_000_000).await;
    assert!(bench.entries().await.len() > 1, "its time has not come");
    pass(700_000).await;
    let left = bench.entries().await;
    assert_eq!(
        left.iter().map(|entry| entry.kind.as_ref()).collect::<Vec<_>>(),
        ["session.deleted"]
    );
}
