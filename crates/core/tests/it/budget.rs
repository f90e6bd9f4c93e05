//! The spend limit of a session.

use mainstay_core::fact::SpendLimit::{Microusd, Unlimited};

use crate::lab::*;

/// Two answers of a model reach it.
fn poor() -> Setup {
    Setup { spend_limit_microusd: Some(10), ..Setup::default() }
}

#[test]
fn a_turn_in_which_it_is_reached_fails_before_the_next_step() {
    insta::assert_snapshot!(tell_from(poor(), [
        input("go"),
        model([call("c1", "read")]),
        tool("c1", "one"),
        model([call("c2", "read")]),
    ], [
        tool("c2", "two"),
        input("more"),
        queue("more"),
    ]), @r#"
    > c2 answers "two"
      + effect.completed eff4 #1: output of c2 "two"
      + turn.ended turn1 failed, budget_reached "the session's spend limit is reached", 200+20 tokens for 10, budget reached
      # session budget_reached
      # turn1 failed 2..11
      = budget_reached, 11 entries
    > input "more"
      refused: budget_reached: the session's spend limit is reached; raise spend_control.limit to go on
    > queue "more"
      refused: budget_reached: the session's spend limit is reached; raise spend_control.limit to go on
    "#);
}

#[test]
fn an_answer_that_reaches_it_still_completes() {
    insta::assert_snapshot!(tell_from(poor(), [
        input("go"),
        model([say("one")]),
        input("go on"),
    ], [
        model([say("two")]),
        input("more"),
    ]), @r#"
    > model answers
      + effect.completed eff2 #1: [agent "two"] End
      + turn.ended turn2 completed, 100+10 tokens for 5, budget reached
      # session budget_reached
      # turn2 completed 6..9
      = budget_reached, 9 entries
    > input "more"
      refused: budget_reached: the session's spend limit is reached; raise spend_control.limit to go on
    "#);
}

#[test]
fn raised_the_session_goes_on_with_what_is_queued() {
    insta::assert_snapshot!(tell_from(poor(), [
        input("go"),
        queue("next"),
        queue("and next"),
        model([say("one")]),
        model([say("two")]),
    ], [
        update_limit(Microusd(10)),
        update_limit(Microusd(11)),
        model([say("three")]),
        update_limit(Unlimited),
        input("more"),
    ]), @r#"
    > update spend limit to Microusd(10)
      + session.updated spend limit Microusd(10)
      # session budget_reached
      # session_configs
      = budget_reached, 12 entries, 1 queued
    > update spend limit to Microusd(11)
      + session.updated spend limit Microusd(11)
      + turn.started turn3
      + effect.requested eff3 model alpha (0) over 5, ReadOnly
      ! eff3 #1 model alpha with 5 items, 10 tools
      # session in_progress
      # session_configs
      # turn3 in_progress 5..
      = in_progress, 15 entries, due t+3600007
    > model answers
      + effect.completed eff3 #1: [agent "three"] End
      + turn.ended turn3 completed, 100+10 tokens for 5, budget reached
      # session budget_reached
      # turn3 completed 5..17
      = budget_reached, 17 entries
    > update spend limit to Unlimited
      + session.updated spend limit Unlimited
      # session idle
      # session_configs
      = idle, 18 entries
    > input "more"
      + input.received starts turn4 by ann: user "more"
      + effect.requested eff4 model alpha (0) over 7, ReadOnly
      ! eff4 #1 model alpha with 7 items, 10 tools
      # session in_progress
      # turn4 in_progress 19..
      = in_progress, 20 entries, due t+3600010
    "#);
}

#[test]
fn lowered_below_what_was_spent_it_stops_the_next_step() {
    insta::assert_snapshot!(tell_from(poor(), [input("go"), model([say("one")])], [
        update_limit(Microusd(5)),
        input("more"),
    ]), @r#"
    > update spend limit to Microusd(5)
      + session.updated spend limit Microusd(5)
      # session budget_reached
      # session_configs
      = budget_reached, 6 entries
    > input "more"
      refused: budget_reached: the session's spend limit is reached; raise spend_control.limit to go on
    "#);
}
