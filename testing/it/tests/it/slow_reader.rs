//! A follower that does not read.

use mainstay_it::harness::{Agent, Feed, create_session, post_message};
use mainstay_it::model_server::Step;

use crate::world::{World, script};

const TURNS: usize = 40;
/// Turns before memory is looked at: the first ones fill what is kept anyway.
const WARM_UP_TURNS: usize = 4;
const ANSWER_BYTES: usize = 256 * 1024;
/// What the session itself keeps of the turns after the warm-up: each message and its answer.
const TRANSCRIPT_BYTES: u64 = ((TURNS - WARM_UP_TURNS) * 2 * ANSWER_BYTES) as u64;
/// What buffers may hold for one follower that does not read, the server's and the system's
/// together. All of the session's events are several times as much.
const MAX_HELD_BYTES: u64 = 16 * 1024 * 1024;

#[tokio::test]
async fn a_follower_that_does_not_read_holds_little_and_misses_nothing() {
    let world = World::new().await;
    let server = world.start().await;
    let mut connection = world.connect(&server).await;
    let agent = world.agent(&mut connection, &Agent::new(&world.scripted.url, &[])).await;
    let session = create_session(&mut connection, &agent).await.expect("a session");
    let mut slow = Feed::open(&server.target, &session, None).await.expect("a stream");
    let mut quick = Feed::open(&server.target, &session, None).await.expect("a stream");
    let message = script(vec![Step::text("x".repeat(ANSWER_BYTES))]);
    let mut quick_ids = Vec::new();
    let mut before_bytes = 0;
    for turn in 0..TURNS {
        if turn == WARM_UP_TURNS {
            before_bytes = resident_bytes(server.pid);
        }
        post_message(&mut connection, &session, &message).await.expect("the message is taken");
        quick_ids.extend(turn_ids(&mut quick).await);
    }
    let held_bytes = resident_bytes(server.pid).saturating_sub(before_bytes);
    let mut slow_ids = Vec::new();
    for _ in 0..TURNS {
        slow_ids.extend(turn_ids(&mut slow).await);
    }
    assert_eq!(slow_ids, quick_ids, "the slow follower saw other events than the quick one");
    assert!(
        held_bytes < TRANSCRIPT_BYTES + MAX_HELD_BYTES,
        "{held_bytes} bytes are held for a follower that does not read"
    );
}

/// The numbers of a turn's ends of items and of itself, up to the session's rest. A follower that is
/// behind sees the beginnings of items with numbers, one that is not sees them without.
async fn turn_ids(feed: &mut Feed) -> Vec<u64> {
    let mut ids = Vec::new();
    loop {
        let frame = feed.next().await.expect("the stream goes on").expect("it stays open");
        let is_end =
            frame.is("agent.session.turn.item.done") || frame.is("agent.session.turn.completed");
        ids.extend(frame.id.filter(|_| is_end));
        if frame.is("agent.session.idle") {
            return ids;
        }
    }
}

fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells");
    let kib = line.split_whitespace().next().and_then(|text| text.parse::<u64>().ok());
    kib.expect("a number") * 1024
}
