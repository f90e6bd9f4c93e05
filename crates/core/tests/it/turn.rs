//! Turns: beginning, steering, queueing, ending.

use mainstay_core::port::StopReason;
use mainstay_core::session::{MAX_INPUT_MESSAGES, MAX_QUEUED_TURNS};

use crate::lab::*;

#[test]
fn a_turn_without_tools() {
    insta::assert_snapshot!(tell(Setup::default(), [input("hello"), model([say("hi")])]), @r#"
    > input "hello"
      + input.received starts turn1 by ann: user "hello"
      + effect.requested eff1 model alpha (0) over 1, ReadOnly
      ! eff1 #1 model alpha with 1 items, 10 tools
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 3 entries, due t+3600001
    > model answers
      + effect.completed eff1 #1: [agent "hi"] End
      + turn.ended turn1 completed, 100+10 tokens for 5
      # session idle
      # turn1 completed 2..5
      = idle, 5 entries
    "#);
}

#[test]
fn a_second_turn_goes_on_from_the_first() {
    insta::assert_snapshot!(tell(Setup::default(), [
        input("one"),
        model([say("first")]),
        input("two"),
        model([think("hm"), say("second")]),
    ]), @r#"
    > input "one"
      + input.received starts turn1 by ann: user "one"
      + effect.requested eff1 model alpha (0) over 1, ReadOnly
      ! eff1 #1 model alpha with 1 items, 10 tools
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 3 entries, due t+3600001
    > model answers
      + effect.completed eff1 #1: [agent "first"] End
      + turn.ended turn1 completed, 100+10 tokens for 5
      # session idle
      # turn1 completed 2..5
      = idle, 5 entries
    > input "two"
      + input.received starts turn2 by ann: user "two"
      + effect.requested eff2 model alpha (0) over 3, ReadOnly
      ! eff2 #1 model alpha with 3 items, 10 tools
      # session in_progress
      # turn2 in_progress 6..
      = in_progress, 7 entries, due t+3600003
    > model answers
      + effect.completed eff2 #1: [thought "hm", agent "second"] End
      + turn.ended turn2 completed, 100+10 tokens for 5
      # session idle
      # turn2 completed 6..9
      = idle, 9 entries
    "#);
}

#[test]
fn input_while_the_model_runs_joins_the_next_step() {
    insta::assert_snapshot!(tell(Setup::default(), [
        input("one"),
        input("and two"),
        model([say("first")]),
        model([say("both")]),
    ]), @r#"
    > input "one"
      + input.received starts turn1 by ann: user "one"
      + effect.requested eff1 model alpha (0) over 1, ReadOnly
      ! eff1 #1 model alpha with 1 items, 10 tools
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 3 entries, due t+3600001
    > input "and two"
      + input.received steers turn1 by ann: user "and two"
      = in_progress, 4 entries, due t+3600001
    > model answers
      + effect.completed eff1 #1: [agent "first"] End
      + effect.requested eff2 model alpha (0) over 3, ReadOnly
      ! eff2 #1 model alpha with 3 items, 10 tools
      = in_progress, 6 entries, due t+3600001
    > model answers
      + effect.completed eff2 #1: [agent "both"] End
      + turn.ended turn1 completed, 200+20 tokens for 10
      # session idle
      # turn1 completed 2..8
      = idle, 8 entries
    "#);
}

#[test]
fn input_while_tools_run_joins_after_their_outputs() {
    insta::assert_snapshot!(tell(Setup::default(), [
        input("one"),
        model([call("c1", "read")]),
        input("and two").by("bob"),
        tool("c1", "text"),
        model([say("both")]),
    ]), @r#"
    > input "one"
      + input.received starts turn1 by ann: user "one"
      + effect.requested eff1 model alpha (0) over 1, ReadOnly
      ! eff1 #1 model alpha with 1 items, 10 tools
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 3 entries, due t+3600001
    > model answers
      + effect.completed eff1 #1: [call c1 srv/read{}] End
      + effect.requested eff2 tool read for c1, ReadOnly, Allow for:ann
      ! eff2 #1 tool srv/read{} for ann
      = in_progress, 5 entries, due t+3600001
    > input "and two" (by bob)
      + input.received steers turn1 by bob: user "and two"
      = in_progress, 6 entries, due t+3600001
    > c1 answers "text"
      + effect.completed eff2 #1: output of c1 "text"
      + effect.requested eff3 model alpha (0) over 4, ReadOnly
      ! eff3 #1 model alpha with 4 items, 10 tools
      = in_progress, 8 entries, due t+3600001
    > model answers
      + effect.completed eff3 #1: [agent "both"] End
      + turn.ended turn1 completed, 200+20 tokens for 10
      # session idle
      # turn1 completed 2..10
      = idle, 10 entries
    "#);
}

#[test]
fn input_while_waiting_joins_after_the_wait() {
    insta::assert_snapshot!(tell(Setup::default(), [
        input("one"),
        model([call("c1", "lookup")]),
        input("and two"),
        result("c1", "text"),
        model([say("both")]),
    ]), @r#"
    > input "one"
      + input.received starts turn1 by ann: user "one"
      + effect.requested eff1 model alpha (0) over 1, ReadOnly
      ! eff1 #1 model alpha with 1 items, 10 tools
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 3 entries, due t+3600001
    > model answers
      + effect.completed eff1 #1: [call c1 client/lookup{}] End
      + effect.requested eff2 tool lookup for c1, Once, Allow for:ann, awaits client
      + turn.waiting turn1 for result of c1 lookup
      # session requires_action, result of c1 lookup
      # turn1 waiting 2..
      = requires_action, 6 entries
    > input "and two"
      + input.received steers turn1 by ann: user "and two"
      = requires_action, 7 entries
    > client brings "text" for c1
      + effect.completed eff2 #1: output of c1 "text"
      + turn.resumed turn1
      + effect.requested eff3 model alpha (0) over 4, ReadOnly
      ! eff3 #1 model alpha with 4 items, 10 tools
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 10 entries, due t+3600003
    > model answers
      + effect.completed eff3 #1: [agent "both"] End
      + turn.ended turn1 completed, 200+20 tokens for 10
      # session idle
      # turn1 completed 2..12
      = idle, 12 entries
    "#);
}

#[test]
fn queued_turns_follow_one_another() {
    insta::assert_snapshot!(tell(Setup::default(), [
        queue("one"),
        queue("two").by("bob"),
        queue("three"),
        model([say("first")]),
        model([call("c1", "read")]),
        tool("c1", "text"),
        model([say("second")]),
        cancel(),
    ]), @r#"
    > queue "one"
      + input.received starts turn1 by ann: user "one"
      + effect.requested eff1 model alpha (0) over 1, ReadOnly
      ! eff1 #1 model alpha with 1 items, 10 tools
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 3 entries, due t+3600001
    > queue "two" (by bob)
      + input.received queues turn2 by bob: user "two"
      # turn2 queued 4..
      = in_progress, 4 entries, 1 queued, due t+3600001
    > queue "three"
      + input.received queues turn3 by ann: user "three"
      # turn3 queued 5..
      = in_progress, 5 entries, 2 queued, due t+3600001
    > model answers
      + effect.completed eff1 #1: [agent "first"] End
      + turn.ended turn1 completed, 100+10 tokens for 5
      + turn.started turn2
      + effect.requested eff2 model alpha (0) over 3, ReadOnly
      ! eff2 #1 model alpha with 3 items, 10 tools
      # session in_progress
      # turn1 completed 2..7
      # turn2 in_progress 4..
      = in_progress, 9 entries, 1 queued, due t+3600004
    > model answers
      + effect.completed eff2 #1: [call c1 srv/read{}] End
      + effect.requested eff3 tool read for c1, ReadOnly, Allow for:bob
      ! eff3 #1 tool srv/read{} for bob
      = in_progress, 11 entries, 1 queued, due t+3600004
    > c1 answers "text"
      + effect.completed eff3 #1: output of c1 "text"
      + effect.requested eff4 model alpha (0) over 5, ReadOnly
      ! eff4 #1 model alpha with 5 items, 10 tools
      = in_progress, 13 entries, 1 queued, due t+3600004
    > model answers
      + effect.completed eff4 #1: [agent "second"] End
      + turn.ended turn2 completed, 200+20 tokens for 10
      + turn.started turn3
      + effect.requested eff5 model alpha (0) over 7, ReadOnly
      ! eff5 #1 model alpha with 7 items, 10 tools
      # session in_progress
      # turn2 completed 4..15
      # turn3 in_progress 5..
      = in_progress, 17 entries, due t+3600007
    > cancel
      + effect.failed eff5 #1 conflict "the turn was cancelled", world No: for good
      + turn.ended turn3 cancelled, 0+0 tokens
      - eff5
      # session idle
      # turn3 cancelled 5..19
      = idle, 19 entries
    "#);
}

#[test]
fn a_queue_has_a_limit() {
    let mut world = World::created(Setup::default());
    let mut queued = 0;
    let refused = loop {
        match world.step(queue("more")) {
            Ok(_) => queued += 1,
            Err(refused) => break refused.0.to_string(),
        }
    };
    assert_eq!(queued, MAX_QUEUED_TURNS + 1, "one is active");
    insta::assert_snapshot!(refused, @"
    overloaded: 64 turns wait behind the active one already
    ");
}

#[test]
fn messages_that_wait_for_a_step_have_a_limit() {
    let mut world = World::created(Setup::default());
    world.step(input("start")).expect("starts a turn");
    for _ in 0..MAX_INPUT_MESSAGES {
        world.step(input("more")).expect("waits for the next step");
    }
    let refused = world.step(input("too much")).expect_err("no more room").0.to_string();
    insta::assert_snapshot!(refused, @"
    overloaded: more than 256 messages would wait for the next step
    ");
}

#[test]
fn input_must_say_something() {
    insta::assert_snapshot!(tell(Setup::default(), [
        inputs(vec![]),
        inputs(vec![vec![]]),
        inputs(vec![user("x"); 257]),
        inputs(vec![user("one"), user("two")]),
    ]), @r#"
    > input of 0 messages
      refused: invalid_parameter: input needs at least one message, and each message at least one part
    > input of 1 messages
      refused: invalid_parameter: input needs at least one message, and each message at least one part
    > input of 257 messages
      refused: invalid_parameter: input has 257 messages, more than 256
    > input of 2 messages
      + input.received starts turn1 by ann: user "one", user "two"
      + effect.requested eff1 model alpha (0) over 2, ReadOnly
      ! eff1 #1 model alpha with 2 items, 10 tools
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 3 entries, due t+3600004
    "#);
}

#[test]
fn an_answer_cut_short_fails_the_turn_and_leaves_the_session_usable() {
    insta::assert_snapshot!(tell(Setup::default(), [
        input("one"),
        model_stops([say("half an ans")], StopReason::Length),
        input("two"),
        model_stops([say("I will not")], StopReason::Refusal),
        input("three"),
        model([say("fine")]),
    ]), @r#"
    > input "one"
      + input.received starts turn1 by ann: user "one"
      + effect.requested eff1 model alpha (0) over 1, ReadOnly
      ! eff1 #1 model alpha with 1 items, 10 tools
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 3 entries, due t+3600001
    > model answers, Length
      + effect.completed eff1 #1: [agent "half an ans"] Length
      + turn.ended turn1 failed, output_limit_reached "the model's answer was cut at its bound on tokens", 100+10 tokens for 5
      # session idle
      # turn1 failed 2..5
      = idle, 5 entries
    > input "two"
      + input.received starts turn2 by ann: user "two"
      + effect.requested eff2 model alpha (0) over 3, ReadOnly
      ! eff2 #1 model alpha with 3 items, 10 tools
      # session in_progress
      # turn2 in_progress 6..
      = in_progress, 7 entries, due t+3600003
    > model answers, Refusal
      + effect.completed eff2 #1: [agent "I will not"] Refusal
      + turn.ended turn2 failed, model_refused "the model refused to answer", 100+10 tokens for 5
      # session idle
      # turn2 failed 6..9
      = idle, 9 entries
    > input "three"
      + input.received starts turn3 by ann: user "three"
      + effect.requested eff3 model alpha (0) over 5, ReadOnly
      ! eff3 #1 model alpha with 5 items, 10 tools
      # session in_progress
      # turn3 in_progress 10..
      = in_progress, 11 entries, due t+3600005
    > model answers
      + effect.completed eff3 #1: [agent "fine"] End
      + turn.ended turn3 completed, 100+10 tokens for 5
      # session idle
      # turn3 completed 10..13
      = idle, 13 entries
    "#);
}

#[test]
fn an_empty_answer_ends_the_turn() {
    insta::assert_snapshot!(tell(Setup::default(), [input("one"), model([])]), @r#"
    > input "one"
      + input.received starts turn1 by ann: user "one"
      + effect.requested eff1 model alpha (0) over 1, ReadOnly
      ! eff1 #1 model alpha with 1 items, 10 tools
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 3 entries, due t+3600001
    > model answers
      + effect.completed eff1 #1: [] End
      + turn.ended turn1 completed, 100+10 tokens for 5
      # session idle
      # turn1 completed 2..5
      = idle, 5 entries
    "#);
}
