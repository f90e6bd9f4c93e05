//! Answers that come late, twice, or to nothing change nothing.

use mainstay_core::port::WorldChange;

use crate::lab::*;

#[test]
fn an_answer_that_comes_twice_counts_once() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        model([call("c1", "read"), call("c2", "pay")]),
    ], [
        tool("c2", "paid"),
        tool_again("paid"),
        late_model([say("the model again")]),
    ]), @r#"
    > c2 answers "paid"
      + effect.completed eff3 #1: output of c2 "paid"
      = in_progress, 8 entries, due t+3600001
    > the last tool call answers "paid" again
      = in_progress, 8 entries, due t+3600001
    > the first model call answers, late
      = in_progress, 8 entries, due t+3600001
    "#);
}

#[test]
fn an_answer_to_an_attempt_that_was_given_up_is_ignored() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        model([call("c1", "read")]),
        tool_error("c1", WorldChange::No, true),
    ], [
        first_attempt_answers("while the next attempt waits"),
        tick(1_000),
        first_attempt_answers("while the next attempt runs"),
        tool("c1", "of the second"),
    ]), @r#"
    > the first attempt answers "while the next attempt waits", late
      = in_progress, 6 entries, due t+153
    > tick after 1000
      + effect.attempted eff2 #2
      ! eff2 #2 tool srv/read{} for ann
      = in_progress, 7 entries, due t+3600001
    > the first attempt answers "while the next attempt runs", late
      = in_progress, 7 entries, due t+3600001
    > c1 answers "of the second"
      + effect.completed eff2 #2: output of c1 "of the second"
      + effect.requested eff3 model alpha (0) over 3, ReadOnly
      ! eff3 #1 model alpha with 3 items, 10 tools
      = in_progress, 9 entries, due t+3600001
    "#);
}

#[test]
fn an_answer_of_the_wrong_kind_is_ignored() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        model([call("c1", "read"), call("c2", "send")]),
    ], [
        wrong_kind("c1"),
        reconciled("c2", mainstay_core::port::Reconciliation::NotDone),
    ]), @"
    > a model answers for c1
      = in_progress, 7 entries, due t+3600001
    > c2 reconciles: NotDone
      = in_progress, 7 entries, due t+3600001
    ");
}
