//! Snapshots of sessions at rest. That they round-trip is a law of the properties.

use mainstay_core::session::snapshot::{VERSION, decode, encode};

use crate::lab::*;

fn world(steps: impl IntoIterator<Item = Step>) -> World {
    let mut world = World::created(Setup { spend_limit_microusd: Some(5), ..Setup::default() });
    for step in steps {
        world.step(step).expect("the step is taken");
    }
    world
}

#[test]
fn a_session_at_rest_is_saved_with_its_queue() {
    let world = world([input("go"), queue("next"), model([say("hi")])]);
    assert_eq!(world.state.queue.len(), 1, "the budget is reached before the queued turn");
    let bytes = encode(&world.state).expect("the session rests");
    assert_eq!(decode(VERSION, &bytes).as_ref(), Some(&world.state));
}

#[test]
fn a_session_with_an_active_turn_is_not_saved() {
    assert_eq!(encode(&world([input("go")]).state), None);
    assert_eq!(encode(&World::new(FakeRules::default()).state), None);
}

#[test]
fn a_snapshot_of_another_version_or_damaged_is_none() {
    let bytes = encode(&world([]).state).expect("the session rests");
    assert_eq!(decode(VERSION + 1, &bytes), None);
    assert_eq!(decode(VERSION, &bytes[..bytes.len() - 1]), None);
    assert_eq!(decode(VERSION, b"{}"), None);
}

#[test]
fn a_saved_session_goes_on() {
    let mut world =
        world([input("go"), model([call("c1", "lookup")]), result("c1", "x"), cancel()]);
    let bytes = encode(&world.state).expect("the session rests");
    world.state = decode(VERSION, &bytes).expect("what was saved");
    let refused = world.step(result("c1", "again")).expect_err("it was answered");
    insta::assert_snapshot!(refused, @"
    call_already_answered: tool call c1 was answered already
    ");
}
