//! Tasks and leases.

use mainstay_protocol::{TaskChange, TaskKey};

use crate::conformance::Chain;
use crate::conformance::suite::{Tested, assert_refused};
use crate::{Claim, ClaimRequest, ClaimWhat};

const LEASE_MS: u64 = 100;

fn session(subject: &str) -> TaskKey {
    TaskKey { kind: "session".into(), subject: subject.into() }
}

fn one(subject: &str, owner: &str, now_ms: u64) -> ClaimRequest {
    ClaimRequest {
        what: ClaimWhat::One(session(subject)),
        owner: owner.into(),
        now_ms,
        lease_ms: LEASE_MS,
    }
}

fn due(owner: &str, now_ms: u64, limit_count: usize) -> ClaimRequest {
    let what = ClaimWhat::Due { kind: "session".into(), limit_count };
    ClaimRequest { what, owner: owner.into(), now_ms, lease_ms: LEASE_MS }
}

async fn claim(store: &Tested, request: ClaimRequest) -> Vec<Claim> {
    store.claim(request).await.expect("claims")
}

fn subjects(claims: &[Claim]) -> Vec<&str> {
    claims.iter().map(|claim| claim.key.subject.as_ref()).collect()
}

async fn put_tasks(store: &Tested, tasks: &[(&str, &str, u64)]) {
    let mut commit = Chain::new("control:tasks").commit(&["1"]);
    commit.tasks = tasks
        .iter()
        .map(|(kind, subject, due_at_ms)| TaskChange::Put {
            key: TaskKey { kind: (*kind).into(), subject: (*subject).into() },
            due_at_ms: *due_at_ms,
        })
        .collect();
    store.commit(commit).await.expect("committed");
}

pub(super) async fn due_tasks_are_claimed_newest_first_and_once(store: Tested) {
    let tasks = [
        ("session", "a", 10),
        ("session", "c", 30),
        ("session", "b", 30),
        ("session", "d", 51),
        ("timer", "e", 10),
    ];
    put_tasks(&store, &tasks).await;
    let first = claim(&store, due("me", 50, 2)).await;
    assert_eq!(subjects(&first), ["b", "c"]);
    assert!(first.iter().all(|claim| claim.until_ms == 150 && claim.epoch > 0));
    assert_eq!(subjects(&claim(&store, due("me", 50, 9)).await), ["a"]);
    assert_eq!(subjects(&claim(&store, due("you", 50, 9)).await), [""; 0]);
    assert_eq!(subjects(&claim(&store, due("you", 51, 9)).await), ["d"]);
    // The first two leases have ended, the others have not.
    assert_eq!(subjects(&claim(&store, due("you", 150, 1)).await), ["b"]);
    assert_eq!(subjects(&claim(&store, due("you", 150, 9)).await), ["c", "a"]);
}

pub(super) async fn a_subject_is_claimed_without_a_task(store: Tested) {
    let mine = claim(&store, one("a", "me", 0)).await;
    assert_eq!(subjects(&mine), ["a"]);
    assert_eq!(subjects(&claim(&store, one("a", "you", 99)).await), [""; 0]);
    let again = claim(&store, one("a", "me", 99)).await;
    assert!(again[0].epoch > mine[0].epoch && again[0].until_ms == 199);
}

pub(super) async fn an_expired_lease_can_be_claimed_and_fences(store: Tested) {
    let mine = claim(&store, one("a", "me", 0)).await;
    let mut chain = Chain { epoch: mine[0].epoch, ..Chain::new("a") };
    store.commit(chain.commit(&["1"])).await.expect("the claimer writes");
    assert_refused(
        store.commit(Chain { epoch: 0, ..chain.clone() }.commit(&["2"])).await,
        "fenced",
    );

    let yours = claim(&store, one("a", "you", 100)).await;
    assert_eq!(subjects(&yours), ["a"]);
    assert_refused(store.commit(chain.clone().commit(&["2"])).await, "fenced");
    // Fenced comes before any other refusal that depends on what is stored.
    assert_refused(
        store.commit(Chain { epoch: mine[0].epoch, ..Chain::new("a") }.commit(&["2"])).await,
        "fenced",
    );
    chain.epoch = yours[0].epoch;
    store.commit(chain.commit(&["2"])).await.expect("the new owner writes");
    assert_refused(
        store.commit(Chain { epoch: 7, ..Chain::new("b") }.commit(&["1"])).await,
        "fenced",
    );
}

pub(super) async fn renewal_prolongs_what_still_holds(store: Tested) {
    let mut claims = claim(&store, one("a", "me", 0)).await;
    claims.extend(claim(&store, one("b", "me", 0)).await);
    let held = store.renew(&claims, 50, LEASE_MS).await.expect("renews");
    assert_eq!(subjects(&held), ["a", "b"]);
    assert!(held.iter().all(|claim| claim.until_ms == 150));
    assert_eq!(subjects(&claim(&store, one("a", "you", 149)).await), [""; 0]);

    let taken = claim(&store, one("a", "you", 150)).await;
    assert_eq!(subjects(&taken), ["a"]);
    // An expired lease that nobody took is the owner's still.
    let held = store.renew(&claims, 160, LEASE_MS).await.expect("renews");
    assert_eq!(subjects(&held), ["b"]);
    assert_eq!(held[0].epoch, claims[1].epoch);
}

pub(super) async fn a_lease_given_up_is_free_and_fenced(store: Tested) {
    let mine = claim(&store, one("a", "me", 0)).await;
    let mut chain = Chain { epoch: mine[0].epoch, ..Chain::new("a") };
    store.commit(chain.commit(&["1"])).await.expect("committed");
    assert!(store.renew(&mine, 1, 0).await.expect("renews").is_empty());
    assert_refused(store.commit(chain.clone().commit(&["2"])).await, "fenced");
    assert!(store.renew(&mine, 1, LEASE_MS).await.expect("renews").is_empty());
    chain.epoch = 0;
    store.commit(chain.commit(&["2"])).await.expect("a journal that nobody leases takes epoch 0");
    assert_eq!(subjects(&claim(&store, one("a", "you", 1)).await), ["a"]);
}

pub(super) async fn epochs_only_grow(store: Tested) {
    let mut last = 0;
    for (subject, owner) in [("a", "me"), ("b", "me"), ("a", "me"), ("c", "you")] {
        let claims = claim(&store, one(subject, owner, 0)).await;
        assert!(claims[0].epoch > last);
        last = claims[0].epoch;
        if subject == "b" {
            store.renew(&claims, 0, 0).await.expect("gives up");
        }
    }
}

pub(super) async fn a_deleted_task_is_not_due(store: Tested) {
    put_tasks(&store, &[("session", "a", 10), ("session", "b", 10)]).await;
    let mut commit = Chain::new("control:more").commit(&["1"]);
    commit.tasks = vec![
        TaskChange::Delete { key: session("a") },
        TaskChange::Delete { key: session("unknown") },
        TaskChange::Put { key: session("b"), due_at_ms: 20 },
    ];
    store.commit(commit).await.expect("committed");
    assert_eq!(subjects(&claim(&store, due("me", 19, 9)).await), [""; 0]);
    assert_eq!(subjects(&claim(&store, due("me", 20, 9)).await), ["b"]);
}
