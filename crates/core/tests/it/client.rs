//! Tool calls that the client runs.

use crate::lab::*;

#[test]
fn results_may_come_in_any_order_and_any_time_later() {
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go")], [
        model([call("c1", "lookup"), call("c2", "lookup")]),
        tick(30 * 24 * 3_600_000),
        result("c2", "two"),
        result("c1", "one"),
        model([say("done")]),
    ]), @r#"
    > model answers
      + effect.completed eff1 #1: [call c1 client/lookup{}, call c2 client/lookup{}] End
      + effect.requested eff2 tool lookup for c1, Once, Allow for:ann, awaits client
      + effect.requested eff3 tool lookup for c2, Once, Allow for:ann, awaits client
      + turn.waiting turn1 for result of c1 lookup, result of c2 lookup
      # session requires_action, result of c1 lookup, result of c2 lookup
      # turn1 waiting 2..
      = requires_action, 7 entries
    > tick after 2592000000
      = requires_action, 7 entries
    > client brings "two" for c2
      + effect.completed eff3 #1: output of c2 "two"
      # session requires_action, result of c1 lookup
      = requires_action, 8 entries
    > client brings "one" for c1
      + effect.completed eff2 #1: output of c1 "one"
      + turn.resumed turn1
      + effect.requested eff4 model alpha (0) over 5, ReadOnly
      ! eff4 #1 model alpha with 5 items, 10 tools
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 11 entries, due t+2595600003
    > model answers
      + effect.completed eff4 #1: [agent "done"] End
      + turn.ended turn1 completed, 200+20 tokens for 10
      # session idle
      # turn1 completed 2..13
      = idle, 13 entries
    "#);
}

#[test]
fn a_result_that_nobody_waits_for_is_refused() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        model([call("c1", "lookup"), call("c2", "lookup"), call("c3", "read")]),
    ], [
        result("c9", "of no call"),
        result("c3", "of a call that is not the client's"),
        result_for(Some("turn_other"), "c1", "of another turn"),
        result("c1", "one"),
        result("c1", "one again"),
    ]), @r#"
    > client brings "of no call" for c9
      refused: call_not_waiting: Unknown pending tool call: c9
    > client brings "of a call that is not the client's" for c3
      refused: call_not_waiting: Unknown pending tool call: c3
    > client brings "of another turn" for c1 of turn_other
      refused: call_not_waiting: Unknown pending tool call: c1
    > client brings "one" for c1
      + effect.completed eff2 #1: output of c1 "one"
      # session in_progress, result of c2 lookup
      = in_progress, 8 entries, due t+3600001
    > client brings "one again" for c1
      refused: call_already_answered: tool call c1 was answered already
    "#);
}

#[test]
fn a_result_that_comes_after_the_turn_is_refused() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        model([call("c1", "lookup"), call("c2", "lookup")]),
        result("c1", "one"),
        cancel(),
    ], [
        result("c1", "one again"),
        result("c2", "too late"),
    ]), @r#"
    > client brings "one again" for c1
      refused: call_already_answered: tool call c1 was answered already
    > client brings "too late" for c2
      refused: call_not_waiting: Unknown pending tool call: c2
    "#);
}

#[test]
fn two_results_at_once_are_one_decision() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        model([call("c1", "lookup"), call("c2", "lookup")]),
    ], [
        together([result("c1", "one"), result("c9", "of no call")]),
        together([result("c1", "one"), result("c2", "two")]),
    ]), @r#"
    > client brings "one" for c1 and client brings "of no call" for c9
      refused: call_not_waiting: Unknown pending tool call: c9
    > client brings "one" for c1 and client brings "two" for c2
      + effect.completed eff2 #1: output of c1 "one"
      + effect.completed eff3 #1: output of c2 "two"
      + turn.resumed turn1
      + effect.requested eff4 model alpha (0) over 5, ReadOnly
      ! eff4 #1 model alpha with 5 items, 10 tools
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 11 entries, due t+3600003
    "#);
}

#[test]
fn a_turn_waits_only_when_nothing_else_can_move_it() {
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go")], [
        model([call("c1", "lookup"), call("c2", "read")]),
        tool("c2", "text"),
        result("c1", "one"),
    ]), @r#"
    > model answers
      + effect.completed eff1 #1: [call c1 client/lookup{}, call c2 srv/read{}] End
      + effect.requested eff2 tool lookup for c1, Once, Allow for:ann, awaits client
      + effect.requested eff3 tool read for c2, ReadOnly, Allow for:ann
      ! eff3 #1 tool srv/read{} for ann
      # session in_progress, result of c1 lookup
      = in_progress, 6 entries, due t+3600001
    > c2 answers "text"
      + effect.completed eff3 #1: output of c2 "text"
      + turn.waiting turn1 for result of c1 lookup
      # session requires_action, result of c1 lookup
      # turn1 waiting 2..
      = requires_action, 8 entries
    > client brings "one" for c1
      + effect.completed eff2 #1: output of c1 "one"
      + turn.resumed turn1
      + effect.requested eff4 model alpha (0) over 5, ReadOnly
      ! eff4 #1 model alpha with 5 items, 10 tools
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 11 entries, due t+3600002
    "#);
}
