//! A server that is killed again and again while it works.
//!
//! What must hold at the end: every input that was taken is answered, no call of a tool that must be
//! called once had its effect twice, a call that its journal calls completed had it, the journals
//! verify, and each follower saw each kept event once.

use std::collections::HashMap;
use std::sync::Arc;

use mainstay_it::harness::{Agent, Server, Target, Tool, create_session};
use mainstay_it::model_server::Step;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::client::{Client, replay};
use crate::journal::Journal;
use crate::world::{World, calls, script, slow_call};

const SESSIONS: usize = 16;
const TURNS: usize = 5;
const KILLS: usize = 8;
/// The most calls that are made between two kills.
const MAX_CALLS_BETWEEN_KILLS: u64 = 120;
/// The most calls of one step.
const MAX_PARALLEL_CALLS: usize = 3;
/// The most steps of one turn, the answer not counted.
const MAX_STEPS: usize = 4;
const MAX_DELAY_MS: u64 = 8;

#[tokio::test]
async fn sessions_outlive_kills_seed_1() {
    check(1).await;
}

#[tokio::test]
async fn sessions_outlive_kills_seed_2() {
    check(2).await;
}

#[tokio::test]
async fn sessions_outlive_kills_seed_3() {
    check(3).await;
}

async fn check(seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let world = World::new().await;
    let server = world.start().await;
    let mut connection = world.connect(&server).await;
    let agent = world.agent(&mut connection, &Agent::new(&world.scripted.url, &Tool::ALL)).await;
    let (running, is_running) = watch::channel(Some(server.target.clone()));
    let mut clients = JoinSet::new();
    for number in 0..SESSIONS {
        let session = create_session(&mut connection, &agent).await.expect("a session");
        let messages = (0..TURNS).map(|turn| message(&mut random, number, turn)).collect();
        clients.spawn(Client::new(&session, is_running.clone()).converse(messages));
    }
    let server = kill_often(&world, server, &running, &mut random).await;
    let clients = clients.join_all().await;
    check_effects(&world, &server, &clients).await;
    for client in &clients {
        check_feed(&server.target, client).await;
    }
    let sessions: Vec<&str> = clients.iter().map(|client| client.session.as_str()).collect();
    world.setup.run(&["journal", "verify", sessions[0]]).await.expect("the journal verifies");
}

/// A turn of a few steps, whose calls have notes of their own.
fn message(random: &mut ChaCha8Rng, session: usize, turn: usize) -> String {
    let steps = (0..random.random_range(1..=MAX_STEPS)).map(|step| {
        let count = random.random_range(1..=MAX_PARALLEL_CALLS);
        let made = (0..count).map(|number| {
            let tool = Tool::ALL[random.random_range(0..Tool::ALL.len())];
            let note = format!("{session}.{turn}.{step}.{number}");
            slow_call(tool.name(), &note, random.random_range(0..=MAX_DELAY_MS))
        });
        calls(made.collect())
    });
    let answer = Step { pieces: Some(4), ..Step::text(format!("answer {session}.{turn}")) };
    script(steps.chain([answer]).collect())
}

/// Kills the server at drawn moments, each time while clients are busy, and starts it again.
async fn kill_often(
    world: &World,
    mut server: Server,
    running: &watch::Sender<Option<Arc<Target>>>,
    random: &mut ChaCha8Rng,
) -> Server {
    for _ in 0..KILLS {
        let more = random.random_range(0..=MAX_CALLS_BETWEEN_KILLS);
        world.until_calls(world.calls() + more).await;
        running.send_replace(None);
        server.kill().await.expect("the server is killed");
        server = world.start().await;
        running.send_replace(Some(server.target.clone()));
    }
    server
}

async fn check_effects(world: &World, server: &Server, clients: &[Client]) {
    let effects: HashMap<String, u64> =
        world.state().effects().iter().map(|(asked, effects)| noted(asked, *effects)).collect();
    let mut connection = world.connect(server).await;
    for client in clients {
        let journal = Journal::read(&mut connection, &client.session).await;
        assert_eq!(journal.ends(), ["completed"; TURNS], "turns of {}", client.session);
        for (effect, call) in journal.calls() {
            let had = effects.get(&format!("{} {}", call.tool, call.note)).copied().unwrap_or(0);
            if call.tool != Tool::Look.name() {
                assert!(had <= 1, "effect {effect} came {had} times: {call:?}");
            }
            if call.is_completed {
                assert!(had >= 1, "effect {effect} is completed and never came: {call:?}");
            }
            if call.tool == Tool::Act.name() {
                assert!(call.attempts <= 1, "effect {effect} was attempted again: {call:?}");
            }
        }
    }
}

/// The tool and the note of what was asked.
fn noted(asked: &str, effects: u64) -> (String, u64) {
    let (tool, query) = asked.split_once('?').expect("a tool and a query");
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let note = pairs.find(|(name, _)| name == "note").map(|(_, note)| note.into_owned());
    (format!("{tool} {}", note.expect("each call has a note")), effects)
}

/// Each kept event came once, in order, and none is missing.
async fn check_feed(target: &Arc<Target>, client: &Client) {
    let session = &client.session;
    let numbers: Vec<u64> = client.seen.iter().filter_map(|seen| seen.id).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "numbers of {session}: {numbers:?}");
    let last = *numbers.last().expect("events came");
    let all = replay(target, session, last).await;
    let seen: HashMap<&str, &str> =
        client.seen.iter().map(|seen| (seen.event_id.as_str(), seen.kind.as_str())).collect();
    assert_eq!(seen.len(), client.seen.len(), "an event of {session} came twice");
    for event in &all {
        // What was shown while it was written does not come again as a whole.
        let is_live = is_beginning(&event.kind);
        let came = seen.get(event.event_id.as_str());
        assert!(came.is_some() || is_live, "{session} never showed {event:?}");
    }
    let kept: HashMap<&str, &str> =
        all.iter().map(|event| (event.event_id.as_str(), event.kind.as_str())).collect();
    for event in client.seen.iter().filter(|event| event.id.is_some()) {
        let again = kept.get(event.event_id.as_str());
        assert_eq!(again, Some(&event.kind.as_str()), "{session} showed another event then");
    }
}

/// Events that a follower also gets without a number, when it watches an answer being written.
fn is_beginning(kind: &str) -> bool {
    [
        "agent.session.turn.item.added",
        "agent.session.turn.content_part.added",
        "agent.session.turn.output_text.delta",
    ]
    .contains(&kind)
}
