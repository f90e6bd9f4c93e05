//! One run: nodes, actors and faults for a while, then quiet until all rests, then the checks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mainstay_core::session::{SESSIONS, SessionRow, SessionStatus};
use mainstay_protocol::RowKey;
use mainstay_store::{MemoryStore, Store};
use tokio::task::JoinSet;

use crate::actors::{Client, Seen, kill_nodes, session_id, steal_leases};
use crate::chance::Chance;
use crate::clock::SimClock;
use crate::faults::FaultRates;
use crate::machines::Machines;
use crate::model::ScriptedModels;
use crate::node::{Node, Shared};
use crate::report::Report;
use crate::{check, subagents, world};

/// How long, in simulated time, a run may take to rest once faults have ended.
const QUIET_LIMIT_MS: u64 = 3_600_000;
/// How long followers may take to be shown what is there.
const FOLLOW_LIMIT_MS: u64 = 20_000;

/// How long the subagents of a deleted session may stay.
const DELETE_LIMIT_MS: u64 = 300_000;

/// What a run is made of.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The seed of everything.
    pub seed: u64,
}

/// Runs one seed to its end.
#[must_use]
pub fn simulate(options: Options) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without IO needs nothing of the machine");
    runtime.block_on(run(options))
}

fn rates(chance: &Chance) -> FaultRates {
    let pick = |most: u64| if chance.permille(500) { chance.below(most) } else { 0 };
    FaultRates {
        crash_before: pick(60),
        crash_after: pick(60),
        unavailable: pick(80),
        overloaded: pick(40),
        slow: pick(200),
    }
}

async fn run(options: Options) -> Report {
    let chance = Chance::new(options.seed, "run");
    let clock = SimClock::new();
    let quiet = Arc::new(AtomicBool::new(false));
    let store = Arc::new(MemoryStore::new());
    let machines = Machines::new(&chance, clock, quiet.clone(), store.clone());
    let world = world::World::new(&chance, clock, quiet.clone(), machines.clone());
    let node_count = if chance.permille(400) { 2 } else { 1 };
    let shared = Shared {
        store: store.clone(),
        world: world.clone(),
        machines,
        models: Arc::new(ScriptedModels::new(&chance, clock, quiet.clone())),
        clock,
        rates: rates(&chance),
        chance: chance.clone(),
        quiet: quiet.clone(),
        node_count,
    };
    let nodes: Vec<Node> = (0..node_count).map(|index| Node::new(&shared, index)).collect();
    let sessions = 1 + usize::try_from(chance.below(4)).expect("few");
    let seen = Seen::default();
    let mut background = JoinSet::new();
    for node in &nodes {
        background.spawn(node.clone().live());
    }
    let mut clients = JoinSet::new();
    for index in 0..sessions {
        let client = |role: &str| Client {
            shared: shared.clone(),
            nodes: nodes.clone(),
            seen: seen.clone(),
            chance: chance.named(&format!("{role} {index}")),
            session: session_id(index),
        };
        clients.spawn(client("client").live());
        background.spawn(client("assistant").assist());
        background.spawn(client("follower").follow());
    }
    if chance.permille(400) {
        background.spawn(steal_leases(shared.clone(), chance.named("thief"), sessions));
    }
    if chance.permille(500) {
        background.spawn(kill_nodes(shared.clone(), chance.named("killer"), nodes.clone()));
    }
    while let Some(ended) = clients.join_next().await {
        ended.expect("clients do not panic");
    }
    quiet.store(true, Ordering::Relaxed);
    let failure = settle(&shared, &seen, sessions).await;
    let report = report(&shared, &seen, &nodes, sessions, failure).await;
    let doomed = Client {
        shared: shared.clone(),
        nodes,
        seen,
        chance: chance.named("doom"),
        session: session_id(0),
    };
    let orphans = orphans(&doomed).await;
    Report { failure: report.failure.or(orphans), ..report }
}

/// A session that is deleted takes its subagents along.
async fn orphans(doomed: &Client) -> Option<String> {
    if subagents::below(&doomed.shared.store, &doomed.session).await.is_empty() {
        return None;
    }
    if let Err(error) = doomed.erase().await {
        return Some(format!("{} is not deleted: {error}", doomed.session));
    }
    for _ in 0..DELETE_LIMIT_MS / 100 {
        if subagents::below(&doomed.shared.store, &doomed.session).await.is_empty() {
            return None;
        }
        doomed.shared.clock.pass(100).await;
    }
    Some(format!("subagents of {} outlive it", doomed.session))
}

/// Waits until all sessions rest and followers have been shown everything.
async fn settle(shared: &Shared, seen: &Seen, sessions: usize) -> Option<String> {
    let mut waited_ms = 0;
    while waited_ms < QUIET_LIMIT_MS {
        shared.clock.pass(100).await;
        waited_ms += 100;
        let mut resting = 0;
        for index in 0..sessions {
            let key = RowKey::new(&SESSIONS, &[session_id(index).as_str()]);
            let row = shared.store.row(&key).await.expect("the memory store answers");
            let row = row.and_then(|row| row.read::<SessionRow>().ok());
            let rests =
                row.is_none_or(|row| row.status == SessionStatus::Idle && row.turn.is_none());
            let rests = rests && check::is_quiet(&shared.store, &session_id(index)).await;
            resting += usize::from(rests);
        }
        if resting == sessions {
            return follow_up(shared, seen, sessions).await;
        }
    }
    let mut told = format!("sessions do not rest after {QUIET_LIMIT_MS} ms of quiet");
    for index in 0..sessions {
        told.push_str(&check::tell(&shared.store, &session_id(index)).await);
    }
    Some(told)
}

async fn follow_up(shared: &Shared, seen: &Seen, sessions: usize) -> Option<String> {
    for _ in 0..FOLLOW_LIMIT_MS / 100 {
        let mut behind = 0;
        for index in 0..sessions {
            let id = session_id(index);
            let range = mainstay_store::EntryRange::following(0, usize::MAX);
            let entries = shared.store.entries(&id.as_str().into(), range).await;
            let count = entries.expect("the memory store answers").len();
            let shown = seen.shown.lock().expect("no panics here");
            behind += usize::from(shown.get(&id).map_or(0, Vec::len) < count);
        }
        if behind == 0 {
            return None;
        }
        shared.clock.pass(100).await;
    }
    // The checks say which positions are missing.
    None
}

async fn report(
    shared: &Shared,
    seen: &Seen,
    nodes: &[Node],
    sessions: usize,
    mut failure: Option<String>,
) -> Report {
    let mut journals = Vec::new();
    for index in 0..sessions {
        match check::session(&shared.store, &shared.world, seen, &session_id(index)).await {
            Ok(entries) => journals.push(entries),
            Err(what) => failure = failure.or(Some(what)),
        }
    }
    let deeds = shared.world.deeds();
    Report {
        digest: check::digest(&journals, &deeds, seen),
        entries: journals.iter().map(Vec::len).sum(),
        deaths: nodes.iter().map(Node::deaths).sum(),
        deeds: deeds.len(),
        failure,
    }
}
