//! Work that is due and belongs to no session: claimed, done by a few tasks at once, and left to a later
//! time when it fails.
//!
//! Invariant: a subject has one task of this process at a time. What a subject's work changes in the
//! store ends or moves its due time; a crash before that does the work again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};

use futures::future::BoxFuture;
use mainstay_protocol::{ApiError, RowChange, TaskChange, TaskKey};
use mainstay_store::{Claim, ClaimRequest, ClaimWhat, Commit, StoreError};
use tokio::sync::{Notify, Semaphore};

use crate::engine::{Inner, api_error};
use crate::recovery::pause;

/// How long one subject is this process's.
const LEASE_MS: u64 = 60_000;

/// The place where one kind of work is taken up.
pub(crate) struct Desk {
    kind: &'static str,
    limit_count: usize,
    work: Notify,
    under_way: Mutex<HashSet<Arc<str>>>,
}

/// What is done for a subject.
pub(crate) type Handle = fn(Arc<Inner>, TaskKey) -> BoxFuture<'static, Result<(), ApiError>>;
/// Where an engine keeps a desk.
pub(crate) type Place = fn(&Inner) -> &Desk;

impl Desk {
    pub(crate) fn new(kind: &'static str, limit_count: usize) -> Self {
        Self { kind, limit_count, work: Notify::new(), under_way: Mutex::default() }
    }

    /// There may be something to do now.
    pub(crate) fn wake(&self) {
        self.work.notify_one();
    }

    fn under_way(&self) -> MutexGuard<'_, HashSet<Arc<str>>> {
        self.under_way.lock().expect("no code panics while it holds the subjects")
    }
}

/// Takes up what is due until the engine stops.
pub(crate) fn start(inner: &Arc<Inner>, place: Place, handle: Handle) {
    let clerk = inner.clone();
    let run = async move { run(&clerk, place, handle).await };
    inner.spawner.spawn(place(inner).kind, run, || {});
}

async fn run(inner: &Arc<Inner>, place: Place, handle: Handle) {
    let desk = place(inner);
    let room = Arc::new(Semaphore::new(desk.limit_count));
    while !inner.is_stopping() {
        if let Err(error) = take_due(inner, &room, place, handle).await {
            tracing::warn!(kind = desk.kind, %error, "due work could not be looked up");
        }
        tokio::select! {
            biased;
            () = desk.work.notified() => {}
            () = pause(inner, inner.settings.sweep_ms) => {}
        }
    }
}

async fn take_due(
    inner: &Arc<Inner>,
    room: &Arc<Semaphore>,
    place: Place,
    handle: Handle,
) -> Result<(), StoreError> {
    let limit_count = room.available_permits();
    if limit_count == 0 {
        return Ok(());
    }
    let request = ClaimRequest {
        what: ClaimWhat::Due { kind: place(inner).kind.into(), limit_count },
        owner: inner.settings.owner.clone(),
        now_ms: inner.parts.clock.now_ms(),
        lease_ms: LEASE_MS,
    };
    for claim in inner.parts.store.claim(request).await? {
        let subject = claim.key.subject.clone();
        if !place(inner).under_way().insert(subject.clone()) {
            continue;
        }
        let Ok(permit) = room.clone().try_acquire_owned() else {
            place(inner).under_way().remove(&subject);
            break;
        };
        let (worker, panicked, forgotten) = (inner.clone(), inner.clone(), subject.clone());
        let task = async move {
            let done = handle(worker.clone(), claim.key.clone()).await;
            give_up(&worker, &claim).await;
            place(&worker).under_way().remove(&subject);
            drop(permit);
            match done {
                // More may be due than there was room for.
                Ok(()) => place(&worker).wake(),
                // The next sweep finds it again.
                Err(error) => {
                    tracing::warn!(kind = place(&worker).kind, %subject, %error, "tried again later");
                }
            }
        };
        inner.spawner.spawn("due", task, move || {
            place(&panicked).under_way().remove(&forgotten);
        });
    }
    Ok(())
}

async fn give_up(inner: &Inner, claim: &Claim) {
    let now_ms = inner.parts.clock.now_ms();
    if let Err(error) = inner.parts.store.renew(std::slice::from_ref(claim), now_ms, 0).await {
        tracing::debug!(%error, "a lease was not given up; it lapses by itself");
    }
}

/// Writes rows and tasks that have no author, in a journal of theirs that stays empty.
pub(crate) async fn write(
    inner: &Inner,
    journal: &str,
    rows: Vec<RowChange>,
    tasks: Vec<TaskChange>,
) -> Result<(), ApiError> {
    let commit = Commit {
        journal: journal.into(),
        expected_seq: 0,
        epoch: 0,
        entries: Vec::new(),
        rows,
        tasks,
        snapshot: None,
        erases: false,
        adopts: None,
        frees: Vec::new(),
    };
    inner.parts.store.commit(commit).await.map_err(|error| api_error(&error))
}
