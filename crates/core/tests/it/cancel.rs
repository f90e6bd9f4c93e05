//! Cancelling in every phase.

use mainstay_core::port::{ModelErrorKind, WorldChange};

use crate::lab::*;

#[test]
fn while_nothing_runs_nothing_happens() {
    insta::assert_snapshot!(tell(Setup::default(), [cancel()]), @"
    > cancel
      = idle, 1 entries
    ");
}

#[test]
fn while_the_model_runs() {
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go"), input("more")], [
        cancel(),
        late_model([say("too late")]),
        input("next"),
    ]), @r#"
    > cancel
      + effect.failed eff1 #1 conflict "the turn was cancelled", world No: for good
      + turn.ended turn1 cancelled, 0+0 tokens
      - eff1
      # session idle
      # turn1 cancelled 2..6
      = idle, 6 entries
    > the first model call answers, late
      = idle, 6 entries
    > input "next"
      + input.received starts turn2 by ann: user "next"
      + effect.requested eff2 model alpha (0) over 3, ReadOnly
      ! eff2 #1 model alpha with 3 items, 10 tools
      # session in_progress
      # turn2 in_progress 7..
      = in_progress, 8 entries, due t+3600005
    "#);
}

#[test]
fn while_the_model_waits_for_another_attempt() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        model_error(ModelErrorKind::Unavailable),
    ], [
        cancel(),
        tick(100_000),
    ]), @r#"
    > cancel
      + effect.failed eff1 #1 conflict "the turn was cancelled", world No: for good
      + turn.ended turn1 cancelled, 0+0 tokens
      # session idle
      # turn1 cancelled 2..6
      = idle, 6 entries
    > tick after 100000
      = idle, 6 entries
    "#);
}

#[test]
fn while_tools_of_each_safety_run() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        model([
            call("c1", "read"),
            call("c2", "put"),
            call("c3", "pay"),
            call("c4", "lookup"),
            call("c5", "ask_pay"),
        ]),
    ], [
        cancel(),
        tool_again("too late"),
        input("next"),
    ]), @r#"
    > cancel
      + effect.failed eff2 #1 conflict "the turn was cancelled", world No: error of c1 "the turn was cancelled; this call has no result"
      + effect.unknown eff3 #1 "the turn was cancelled": error of c2 "the turn was cancelled before this call had a result; it may have taken effect"
      + effect.unknown eff4 #1 "the turn was cancelled": error of c3 "the turn was cancelled before this call had a result; it may have taken effect"
      + effect.unknown eff5 #1 "the turn was cancelled": error of c4 "the turn was cancelled before this call had a result; it may have taken effect"
      + effect.failed eff6 #1 conflict "the turn was cancelled", world No: error of c5 "the turn was cancelled; this call was not carried out"
      + turn.ended turn1 cancelled, 100+10 tokens for 5
      - eff2
      - eff3
      - eff4
      # session idle
      # turn1 cancelled 2..16
      = idle, 16 entries
    > the last tool call answers "too late" again
      = idle, 16 entries
    > input "next"
      + input.received starts turn2 by ann: user "next"
      + effect.requested eff7 model alpha (0) over 12, ReadOnly
      ! eff7 #1 model alpha with 12 items, 10 tools
      # session in_progress
      # turn2 in_progress 17..
      = in_progress, 18 entries, due t+3600005
    "#);
}

#[test]
fn while_tools_wait_for_another_attempt() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        model([call("c1", "read"), call("c2", "put"), call("c3", "put"), call("c4", "pay")]),
        tool_error("c1", WorldChange::No, true),
        tool_error("c2", WorldChange::No, true),
        tool_error("c3", WorldChange::Maybe, true),
        tool_error("c4", WorldChange::No, true),
    ], [
        cancel(),
    ]), @r#"
    > cancel
      + effect.failed eff2 #1 conflict "the turn was cancelled", world No: error of c1 "the turn was cancelled; this call was not carried out"
      + effect.failed eff3 #1 conflict "the turn was cancelled", world No: error of c2 "the turn was cancelled; this call was not carried out"
      + effect.unknown eff4 #1 "the turn was cancelled": error of c3 "the turn was cancelled before this call had a result; it may have taken effect"
      + effect.failed eff5 #1 conflict "the turn was cancelled", world No: error of c4 "the turn was cancelled; this call was not carried out"
      + turn.ended turn1 cancelled, 100+10 tokens for 5
      # session idle
      # turn1 cancelled 2..18
      = idle, 18 entries
    "#);
}

#[test]
fn while_an_outcome_is_unknown() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        model([call("c1", "pay"), call("c2", "send"), call("c3", "send")]),
        tool_error("c1", WorldChange::Maybe, true),
        tool_error("c2", WorldChange::Maybe, true),
        tool_error("c3", WorldChange::Maybe, true),
        reconcile_error("c3", true),
    ], [
        cancel(),
    ]), @r#"
    > cancel
      + effect.unknown eff2 #1 "the turn was cancelled": error of c1 "the turn was cancelled before this call had a result; it may have taken effect"
      + effect.unknown eff3 #1 "the turn was cancelled": error of c2 "the turn was cancelled before this call had a result; it may have taken effect"
      + effect.unknown eff4 #1 "the turn was cancelled": error of c3 "the turn was cancelled before this call had a result; it may have taken effect"
      + turn.ended turn1 cancelled, 100+10 tokens for 5
      - eff3
      # session idle
      # turn1 cancelled 2..18
      = idle, 18 entries
    "#);
}

#[test]
fn while_sources_are_asked_and_while_a_summary_is_made() {
    let setup = Setup { tools: None, ..Setup::default() };
    insta::assert_snapshot!(tell_from(setup, [input("go")], [cancel()]), @r#"
    > cancel
      + effect.failed eff1 #1 conflict "the turn was cancelled", world No: for good
      + turn.ended turn1 cancelled, 0+0 tokens
      - eff1
      # session idle
      # turn1 cancelled 2..5
      = idle, 5 entries
    "#);
    let setup = Setup::default().window("alpha", 4_000);
    insta::assert_snapshot!(tell_from(setup, [
        input(&"x".repeat(6_000)),
        model([say(&"y".repeat(8_000))]),
        input("next"),
    ], [cancel()]), @r#"
    > cancel
      + effect.failed eff2 #1 conflict "the turn was cancelled", world No: for good
      + turn.ended turn2 cancelled, 0+0 tokens
      - eff2
      # session idle
      # turn2 cancelled 6..9
      = idle, 9 entries
    "#);
}

#[test]
fn and_starting_anew_in_one_decision() {
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go")], [
        together([cancel(), input("something else")]),
        together([cancel(), input("and again"), cancel()]),
    ]), @r#"
    > cancel and input "something else"
      + effect.failed eff1 #1 conflict "the turn was cancelled", world No: for good
      + turn.ended turn1 cancelled, 0+0 tokens
      + input.received starts turn2 by ann: user "something else"
      + effect.requested eff2 model alpha (0) over 2, ReadOnly
      - eff1
      ! eff2 #1 model alpha with 2 items, 10 tools
      # session in_progress
      # turn1 cancelled 2..5
      # turn2 in_progress 6..
      = in_progress, 7 entries, due t+3600002
    > cancel and input "and again" and cancel
      + effect.failed eff2 #1 conflict "the turn was cancelled", world No: for good
      + turn.ended turn2 cancelled, 0+0 tokens
      + input.received starts turn3 by ann: user "and again"
      + effect.requested eff3 model alpha (0) over 3, ReadOnly
      + effect.failed eff3 #1 conflict "the turn was cancelled", world No: for good
      + turn.ended turn3 cancelled, 0+0 tokens
      - eff2
      - eff3
      # session idle
      # turn2 cancelled 6..9
      # turn3 cancelled 10..13
      = idle, 13 entries
    "#);
}
