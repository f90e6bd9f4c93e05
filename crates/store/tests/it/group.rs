//! How commits share flushes, and what a full queue answers.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use mainstay_store::conformance::Chain;
use mainstay_store::{SqliteOptions, SqliteStore, Store, StoreError};

use crate::support::{entries, folder, noted, open, open_with};

/// Polls once, as a caller that then waits does.
fn start<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn one_writer_pays_one_flush_for_each_commit() {
    const COMMIT_COUNT: u64 = 50;
    let folder = folder();
    let store = open(folder.path()).await;
    let mut chain = Chain::new("ses_a");
    let before = store.health().await.expect("healthy");
    for _ in 0..COMMIT_COUNT {
        store.commit(noted(&mut chain, "1")).await.expect("committed");
    }
    let after = store.health().await.expect("healthy");
    assert_eq!(after.commit_count - before.commit_count, COMMIT_COUNT);
    assert_eq!(after.flush_count - before.flush_count, COMMIT_COUNT);
}

/// Keeps the writer from beginning a group, as a tool with the file open for writing would.
fn hold_writer(folder: &std::path::Path) -> rusqlite::Connection {
    let tool = rusqlite::Connection::open(folder.join("mainstay.db")).expect("opens");
    tool.execute_batch("BEGIN IMMEDIATE").expect("holds the write lock");
    tool
}

/// Waits until the writer has taken what stands in the queue.
async fn drained(store: &SqliteStore) {
    while store.health().await.expect("healthy").queue_count > 0 {
        tokio::task::yield_now().await;
    }
}

/// A store whose commits all go through the queue.
async fn open_queued(folder: &std::path::Path, queue_limit_count: usize) -> Arc<SqliteStore> {
    let options =
        SqliteOptions { queue_limit_count, lone_flush_limit_us: 0, ..SqliteOptions::new(folder) };
    open_with(&options).await
}

#[tokio::test]
async fn waiting_commits_share_one_flush() {
    const WAITING_COUNT: usize = 100;
    let folder = folder();
    let store = open_queued(folder.path(), WAITING_COUNT).await;
    let before = store.health().await.expect("healthy");
    let tool = hold_writer(folder.path());
    let mut first = Box::pin(store.commit(noted(&mut Chain::new("ses_first"), "1")));
    assert!(start(&mut first).is_pending());
    drained(&store).await;
    let mut waiting: Vec<_> = (0..WAITING_COUNT)
        .map(|i| Box::pin(store.commit(noted(&mut Chain::new(&format!("ses_{i}")), "1"))))
        .collect();
    assert!(waiting.iter_mut().all(|commit| start(commit).is_pending()));
    tool.execute_batch("ROLLBACK").expect("lets go");

    first.await.expect("committed");
    for commit in waiting {
        commit.await.expect("committed");
    }
    let after = store.health().await.expect("healthy");
    assert_eq!(after.commit_count - before.commit_count, WAITING_COUNT as u64 + 1);
    assert_eq!(after.flush_count - before.flush_count, 2, "one alone, then all that waited");
}

#[tokio::test]
async fn blobs_that_are_put_together_share_one_flush() {
    const PUT_COUNT: usize = 200;
    let folder = folder();
    let store = open_queued(folder.path(), PUT_COUNT).await;
    let before = store.health().await.expect("healthy");
    let tool = hold_writer(folder.path());
    let put = |n: usize| {
        let store = store.clone();
        async move { store.put_blob(&"ses_a".into(), &n.to_be_bytes()).await.expect("kept") }
    };
    let mut puts = tokio::task::JoinSet::new();
    puts.spawn(put(0));
    tokio::task::yield_now().await;
    drained(&store).await;
    for n in 1..=PUT_COUNT {
        puts.spawn(put(n));
    }
    while store.health().await.expect("healthy").queue_count < PUT_COUNT {
        tokio::task::yield_now().await;
    }
    tool.execute_batch("ROLLBACK").expect("lets go");
    puts.join_all().await;
    let after = store.health().await.expect("healthy");
    assert_eq!(after.flush_count - before.flush_count, 2, "one alone, then all that waited");
    assert_eq!(after.commit_count, before.commit_count, "they are no commits");

    // What is there costs nothing more.
    put(7).await;
    assert_eq!(store.health().await.expect("healthy").flush_count, after.flush_count);
}

#[tokio::test]
async fn a_conflict_does_not_disturb_its_group() {
    let folder = folder();
    let store = open_queued(folder.path(), 9).await;
    let tool = hold_writer(folder.path());
    let mut good = Chain::new("ses_good");
    let mut stale = Chain { seq: 3, ..Chain::new("ses_bad") };
    let commits = [
        noted(&mut good, "1"),
        noted(&mut stale, "1"),
        noted(&mut good, "2"),
        noted(&mut good.clone(), "3"),
    ];
    let mut waiting: Vec<_> =
        commits.into_iter().map(|commit| Box::pin(store.commit(commit))).collect();
    assert!(waiting.iter_mut().all(|commit| start(commit).is_pending()));
    tool.execute_batch("ROLLBACK").expect("lets go");
    let mut outcomes = Vec::new();
    for commit in waiting {
        outcomes.push(commit.await.is_ok());
    }
    assert_eq!(outcomes, [true, false, true, true]);
    assert_eq!(entries(&store, "ses_good").await.expect("readable").len(), 3);
    assert_eq!(entries(&store, "ses_bad").await.expect("readable").len(), 0);
}

#[tokio::test]
async fn a_full_queue_answers_overloaded() {
    const QUEUE_LIMIT_COUNT: usize = 4;
    let folder = folder();
    let store = open_queued(folder.path(), QUEUE_LIMIT_COUNT).await;
    let tool = hold_writer(folder.path());
    let chains: Vec<_> = (0..=QUEUE_LIMIT_COUNT).map(|i| Chain::new(&format!("ses_{i}"))).collect();
    let mut waiting = Vec::new();
    for mut chain in chains {
        let mut commit = Box::pin(store.commit(noted(&mut chain, "1")));
        assert!(start(&mut commit).is_pending());
        waiting.push(commit);
        if waiting.len() == 1 {
            drained(&store).await;
        }
    }
    assert_eq!(store.health().await.expect("healthy").queue_count, QUEUE_LIMIT_COUNT);
    let refused = pin!(store.commit(noted(&mut Chain::new("ses_late"), "1"))).await;
    assert!(
        matches!(refused, Err(StoreError::Overloaded { limit_count: QUEUE_LIMIT_COUNT })),
        "{refused:?}"
    );

    tool.execute_batch("ROLLBACK").expect("lets go");
    for commit in waiting {
        commit.await.expect("what was taken is committed");
    }
    store.commit(noted(&mut Chain::new("ses_late"), "1")).await.expect("there is room again");
}

#[tokio::test]
async fn a_file_that_a_tool_keeps_locked_is_unavailable() {
    let folder = folder();
    for lone_flush_limit_us in [0, 1_000_000] {
        let options = SqliteOptions { lone_flush_limit_us, ..SqliteOptions::new(folder.path()) };
        let store = open_with(&options).await;
        let tool = hold_writer(folder.path());
        let mut chain = Chain::new(&format!("ses_{lone_flush_limit_us}"));
        let refused = store.commit(noted(&mut chain.clone(), "1")).await;
        assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
        tool.execute_batch("ROLLBACK").expect("lets go");
        store.commit(noted(&mut chain, "1")).await.expect("committed");
    }
}

/// So many sessions, each of which commits so often, all at once.
async fn commit_side_by_side(store: &Arc<SqliteStore>, session_count: usize, commit_count: usize) {
    let mut sessions = tokio::task::JoinSet::new();
    for i in 0..session_count {
        let store = Arc::clone(store);
        sessions.spawn(async move {
            let mut chain = Chain::new(&format!("ses_{i}"));
            for _ in 0..commit_count {
                store.commit(noted(&mut chain, "1")).await.expect("committed");
            }
        });
    }
    while let Some(session) = sessions.join_next().await {
        session.expect("no panic");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_sessions_flush_less_often_than_they_commit() {
    const SESSION_COUNT: usize = 64;
    const COMMIT_COUNT: usize = 20;
    let folder = folder();
    let store = open(folder.path()).await;
    let before = store.health().await.expect("healthy");
    commit_side_by_side(&store, SESSION_COUNT, COMMIT_COUNT).await;
    let after = store.health().await.expect("healthy");
    let flush_count = after.flush_count - before.flush_count;
    assert!(flush_count * 4 < (SESSION_COUNT * COMMIT_COUNT) as u64, "{flush_count} flushes");
    for i in 0..SESSION_COUNT {
        assert_eq!(
            entries(&store, &format!("ses_{i}")).await.expect("readable").len(),
            COMMIT_COUNT
        );
    }
}

/// With a wait that no test survives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_few_sessions_wait_for_nobody() {
    const SESSION_COUNT: usize = 3;
    const COMMIT_COUNT: usize = 50;
    for lone_flush_limit_us in [0, 1_000_000] {
        let folder = folder();
        let options = SqliteOptions {
            fill_wait_us: 3_600_000_000,
            lone_flush_limit_us,
            ..SqliteOptions::new(folder.path())
        };
        let store = open_with(&options).await;
        commit_side_by_side(&store, SESSION_COUNT, COMMIT_COUNT).await;
    }
}
