//! Commits, snapshots, hints.

use std::sync::Arc;

use mainstay_protocol::{EntryDraft, Hash, RowChange, TaskChange, TaskKey};

use crate::conformance::suite::{Tested, assert_refused};
use crate::conformance::{Chain, SPECS, note};
use crate::{Commit, EntryRange, Snapshot, TaskHint};

/// More entries than any journal of the suite has.
pub(super) const ALL_COUNT: usize = 1_000;

pub(super) async fn seqs(store: &Tested, journal: &str) -> Vec<u64> {
    let range = EntryRange::following(0, ALL_COUNT);
    let entries = store.entries(&journal.into(), range).await.expect("readable");
    entries.iter().map(|entry| entry.seq).collect()
}

pub(super) async fn a_commit_is_readable_when_it_returns(store: Tested) {
    let mut chain = Chain::new("ses_a");
    let mut commit = chain.commit(&["1", "2"]);
    let row = note("n", "kept");
    commit.rows = vec![RowChange::Put(row.clone())];
    commit.snapshot = Some(Snapshot { seq: 2, version: 3, bytes: Arc::from([1, 2, 3]) });
    store.commit(commit.clone()).await.expect("committed");

    assert_eq!(seqs(&store, "ses_a").await, [1, 2]);
    assert_eq!(seqs(&store, "ses_b").await, [0_u64; 0]);
    assert_eq!(store.snapshot(&chain.journal).await.expect("readable"), commit.snapshot);
    assert_eq!(store.snapshot(&"ses_b".into()).await.expect("readable"), None);
    let found = store.row(&row.key).await.expect("readable").expect("there");
    assert_eq!(found.doc.get(), row.doc.get());
    assert!(store.health().await.expect("healthy").commit_count >= 1);
}

pub(super) async fn a_stale_seq_conflicts_and_changes_nothing(store: Tested) {
    let mut chain = Chain::new("ses_a");
    let stale = chain.clone();
    store.commit(chain.commit(&["1"])).await.expect("committed");
    let ahead = Chain { seq: 7, ..chain.clone() };
    for mut wrong in [stale, ahead] {
        let mut commit = wrong.commit(&["2"]);
        commit.rows = vec![RowChange::Put(note("n", "never"))];
        let key = TaskKey { kind: "session".into(), subject: "ses_a".into() };
        commit.tasks = vec![TaskChange::Put { key, due_at_ms: 1 }];
        assert_refused(store.commit(commit).await, "conflict");
    }
    assert_eq!(seqs(&store, "ses_a").await, [1]);
    assert!(store.row(&note("n", "").key).await.expect("readable").is_none());
    store.commit(chain.commit(&["2"])).await.expect("goes on");
}

pub(super) async fn a_foreign_chain_conflicts(store: Tested) {
    let mut chain = Chain::new("ses_a");
    store.commit(chain.commit(&["1"])).await.expect("committed");
    let mut foreign = Chain { hash: Hash([9; 32]), ..chain };
    assert_refused(store.commit(foreign.commit(&["2"])).await, "conflict");
}

pub(super) async fn an_unsealed_commit_is_invalid(store: Tested) {
    let valid = Chain::new("ses_a").commit(&["1", "2"]);
    type Spoil = fn(&mut Commit);
    let broken: [(&str, Spoil); 6] = [
        ("forged", |c| c.entries[0].at += 1),
        ("gap", |c| {
            c.entries.remove(0);
        }),
        ("unlinked", |c| c.entries[1].prev_hash = Hash::ZERO),
        ("another journal's", |c| c.journal = "ses_b".into()),
        ("a snapshot of the future", |c| {
            c.snapshot = Some(Snapshot { seq: 3, version: 1, bytes: Arc::from([]) });
        }),
        ("a time beyond 63 bits", |c| {
            let draft = EntryDraft { kind: "test.happened", version: 1, payload: "1".to_owned() };
            let text: Arc<str> = "".into();
            let entry = mainstay_protocol::Entry::seal(
                draft,
                &c.journal,
                1,
                Hash::ZERO,
                u64::MAX,
                &text,
                &text,
            );
            c.entries = vec![entry];
        }),
    ];
    for (name, spoil) in broken {
        let mut commit = valid.clone();
        spoil(&mut commit);
        let refused = store.commit(commit).await;
        assert!(refused.is_err(), "{name}");
        assert_refused(refused, "invalid");
    }
    store.commit(valid).await.expect("the valid one is taken");
}

pub(super) async fn a_commit_without_entries_is_held_to_the_seq(store: Tested) {
    let mut chain = Chain::new("ses_a");
    let mut early = chain.commit(&[]);
    early.rows = vec![RowChange::Put(note("n", "before any entry"))];
    store.commit(early.clone()).await.expect("committed");
    store.commit(chain.commit(&["1"])).await.expect("committed");
    assert_refused(store.commit(early).await, "conflict");

    let mut saved = chain.commit(&[]);
    saved.snapshot = Some(Snapshot { seq: 1, version: 1, bytes: Arc::from([7]) });
    store.commit(saved).await.expect("committed");
    assert_eq!(seqs(&store, "ses_a").await, [1]);
    assert_eq!(store.snapshot(&chain.journal).await.expect("readable").map(|s| s.seq), Some(1));
}

pub(super) async fn pipelined_commits_are_applied_in_order(store: Tested) {
    let mut chain = Chain::new("ses_a");
    let mut pending = Vec::new();
    for _ in 0..20 {
        pending.push(store.commit(chain.commit(&["1"])));
    }
    for outcome in futures_in_order(pending).await {
        outcome.expect("committed");
    }
    assert_eq!(seqs(&store, "ses_a").await, (1..=20).collect::<Vec<_>>());
}

pub(super) async fn of_racing_commits_one_wins(store: Tested) {
    let mut chain = Chain::new("ses_a");
    store.commit(chain.commit(&["1"])).await.expect("committed");
    let pending: Vec<_> =
        ["2", "3", "4"].iter().map(|p| store.commit(chain.clone().commit(&[p]))).collect();
    let outcomes = futures_in_order(pending).await;
    let refused: Vec<_> = outcomes.into_iter().filter(Result::is_err).collect();
    assert_eq!(refused.len(), 2);
    refused.into_iter().for_each(|outcome| assert_refused(outcome, "conflict"));
    assert_eq!(seqs(&store, "ses_a").await, [1, 2]);
}

/// Polls all at once, each for the first time in the order given.
async fn futures_in_order<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, outcome) in &mut waiting {
            if outcome.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *outcome = Some(value);
            }
        }
        if waiting.iter().all(|(_, outcome)| outcome.is_some()) {
            return std::task::Poll::Ready(());
        }
        std::task::Poll::Pending
    })
    .await;
    waiting.into_iter().filter_map(|(_, outcome)| outcome).collect()
}

pub(super) async fn a_snapshot_replaces_the_older_one(store: Tested) {
    let mut chain = Chain::new("ses_a");
    for (version, length) in [(1, 10), (2, 100_000), (3, 5)] {
        let mut commit = chain.commit(&["1"]);
        let bytes = vec![u8::try_from(version).expect("small"); length].into();
        commit.snapshot = Some(Snapshot { seq: chain.seq, version, bytes });
        store.commit(commit.clone()).await.expect("committed");
        assert_eq!(store.snapshot(&chain.journal).await.expect("readable"), commit.snapshot);
    }
}

pub(super) async fn watchers_hear_of_commits(store: Tested) {
    let mut chain = Chain::new("ses_a");
    store.commit(chain.commit(&["1"])).await.expect("committed");
    let mut hints = store.watch();
    store.commit(chain.commit(&["2", "3"])).await.expect("committed");
    let hint = hints.recv().await.expect("a hint");
    assert_eq!(hint, TaskHint { journal: chain.journal, seq: 3 });
}

pub(super) async fn migrate_is_idempotent(store: Tested) {
    let mut commit = Chain::new("ses_a").commit(&["1"]);
    commit.rows = vec![RowChange::Put(note("n", "kept"))];
    store.commit(commit).await.expect("committed");
    store.migrate(SPECS).await.expect("migrates again");
    assert!(store.row(&note("n", "").key).await.expect("readable").is_some());
    assert_eq!(seqs(&store, "ses_a").await, [1]);
}

pub(super) async fn an_erasing_commit_leaves_only_itself(store: Tested) {
    let (mut chain, mut other) = (Chain::new("ses_a"), Chain::new("ses_b"));
    for chain in [&mut chain, &mut other] {
        let saved = Snapshot { seq: 2, version: 1, bytes: Arc::from(&b"fold"[..]) };
        let commit = Commit { snapshot: Some(saved), ..chain.commit(&["1", "2"]) };
        store.commit(commit).await.expect("committed");
    }
    let erasing = Commit { erases: true, ..chain.commit(&["3"]) };
    store.commit(erasing).await.expect("committed");
    assert_eq!(seqs(&store, "ses_a").await, [3]);
    assert_eq!(store.snapshot(&chain.journal).await.expect("readable"), None);
    assert_eq!(seqs(&store, "ses_b").await, [1, 2], "a neighbour keeps its own");
    assert!(store.snapshot(&other.journal).await.expect("readable").is_some());
    // The journal goes on where it was.
    store.commit(chain.commit(&["4"])).await.expect("committed");
    assert_eq!(seqs(&store, "ses_a").await, [3, 4]);
}
