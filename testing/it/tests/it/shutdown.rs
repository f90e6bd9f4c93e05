//! A server that is asked to stop in the middle of a turn.

use std::time::Duration;

use mainstay_it::harness::{Agent, Feed, Tool, create_session, post_message};

use crate::journal::Journal;
use crate::world::{World, calls, script, slow_call};

/// A stop may take the grace of what is under way, and no more than a little longer.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);
/// Longer than starting to stop takes, shorter than the grace.
const CALL_MS: u64 = 300;

#[tokio::test]
async fn a_turn_goes_on_after_a_stop_and_its_calls_are_not_lost() {
    let world = World::new().await;
    let server = world.start().await;
    let mut connection = world.connect(&server).await;
    let agent = world.agent(&mut connection, &Agent::new(&world.scripted.url, &Tool::ALL)).await;
    let session = create_session(&mut connection, &agent).await.expect("a session");
    let message = script(vec![
        calls(vec![slow_call("act", "first", CALL_MS), slow_call("keyed_act", "second", CALL_MS)]),
        calls(vec![slow_call("act", "third", 0)]),
    ]);
    post_message(&mut connection, &session, &message).await.expect("the message is taken");
    // One model call and both tool calls are under way.
    world.until_calls(3).await;
    let status = server.terminate(STOP_TIMEOUT).await.expect("the server stops");
    assert!(status.success(), "the server ended with {status}: {}", world.setup.log());

    let server = world.start().await;
    let mut feed = Feed::open(&server.target, &session, Some(0)).await.expect("a stream");
    feed.until(&["agent.session.turn.completed"]).await.expect("the turn ends");
    let mut connection = world.connect(&server).await;
    let journal = Journal::read(&mut connection, &session).await;
    assert_eq!(journal.ends(), ["completed"]);
    for (effect, call) in journal.calls() {
        assert!(call.is_completed, "effect {effect} has no outcome: {call:?}");
        assert!(call.attempts <= 1, "effect {effect} was attempted again: {call:?}");
    }
    let effects = world.state().tool_stats();
    assert_eq!((effects.effects, effects.asked_again), (3, 0), "{effects:?}");
}

#[tokio::test]
async fn a_stop_with_nothing_under_way_is_quick() {
    let world = World::new().await;
    let server = world.start().await;
    let status = server.terminate(Duration::from_secs(3)).await.expect("the server stops");
    assert!(status.success(), "the server ended with {status}: {}", world.setup.log());
}
