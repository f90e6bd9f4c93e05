//! Models that fail: retries, the route, exhaustion.

use mainstay_core::port::ModelErrorKind::{Garbled, Invalid, RateLimited, Refused, Unavailable};

use crate::lab::*;

#[test]
fn an_attempt_that_fails_in_passing_is_made_again() {
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go")], [
        model_error(Unavailable),
        tick(1),
        tick(1_000),
        model_error_after(RateLimited, Some(5_000)),
        tick(10_000),
        model_error(Garbled),
        tick(10_000),
        model([say("at last")]),
    ]), @r#"
    > model fails: Unavailable
      + effect.failed eff1 #1 model_unavailable "it is Unavailable", world No: again at t+171
      = in_progress, 4 entries, due t+171
    > tick after 1
      = in_progress, 4 entries, due t+171
    > tick after 1000
      + effect.attempted eff1 #2
      ! eff1 #2 model alpha with 1 items, 10 tools
      = in_progress, 5 entries, due t+3600001
    > model fails: RateLimited, retry after 5000
      + effect.failed eff1 #2 model_rate_limited "it is RateLimited", world No: again at t+6186
      = in_progress, 6 entries, due t+6186
    > tick after 10000
      + effect.attempted eff1 #3
      ! eff1 #3 model alpha with 1 items, 10 tools
      = in_progress, 7 entries, due t+3600001
    > model fails: Garbled
      + effect.failed eff1 #3 model_invalid "it is Garbled", world No: again at t+11886
      = in_progress, 8 entries, due t+11886
    > tick after 10000
      + effect.attempted eff1 #4
      ! eff1 #4 model alpha with 1 items, 10 tools
      = in_progress, 9 entries, due t+3600001
    > model answers
      + effect.completed eff1 #4: [agent "at last"] End
      + turn.ended turn1 completed, 100+10 tokens for 5
      # session idle
      # turn1 completed 2..11
      = idle, 11 entries
    "#);
}

#[test]
fn a_model_that_keeps_failing_gives_way_to_the_next() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        model_error(Unavailable),
        tick(10_000),
        model_error(Unavailable),
        tick(10_000),
        model_error(Unavailable),
        tick(10_000),
    ], [
        model_error(Unavailable),
        model([call("c1", "read")]),
        tool("c1", "the next step stays with it"),
        model([say("done")]),
        input("a new turn starts with the first choice"),
    ]), @r#"
    > model fails: Unavailable
      + effect.failed eff1 #4 model_unavailable "it is Unavailable", world No: for good
      + effect.requested eff2 model beta (1) over 1, ReadOnly
      ! eff2 #1 model beta with 1 items, 10 tools
      = in_progress, 11 entries, due t+3600001
    > model answers
      + effect.completed eff2 #1: [call c1 srv/read{}] End
      + effect.requested eff3 tool read for c1, ReadOnly, Allow for:ann
      ! eff3 #1 tool srv/read{} for ann
      = in_progress, 13 entries, due t+3600001
    > c1 answers "the next step stays with it"
      + effect.completed eff3 #1: output of c1 "the next step stays with it"
      + effect.requested eff4 model beta (1) over 3, ReadOnly
      ! eff4 #1 model beta with 3 items, 10 tools
      = in_progress, 15 entries, due t+3600001
    > model answers
      + effect.completed eff4 #1: [agent "done"] End
      + turn.ended turn1 completed, 200+20 tokens for 10
      # session idle
      # turn1 completed 2..17
      = idle, 17 entries
    > input "a new turn starts with the first choice"
      + input.received starts turn2 by ann: user "a new turn starts with the first choice"
      + effect.requested eff5 model alpha (0) over 5, ReadOnly
      ! eff5 #1 model alpha with 5 items, 10 tools
      # session in_progress
      # turn2 in_progress 18..
      = in_progress, 19 entries, due t+3630009
    "#);
}

#[test]
fn errors_that_no_retry_helps_go_on_at_once_and_exhaust_the_route() {
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go")], [
        model_error(Invalid),
        model_error(Refused),
        input("and the session is usable"),
        model([say("yes")]),
    ]), @r#"
    > model fails: Invalid
      + effect.failed eff1 #1 model_invalid "it is Invalid", world No: for good
      + effect.requested eff2 model beta (1) over 1, ReadOnly
      ! eff2 #1 model beta with 1 items, 10 tools
      = in_progress, 5 entries, due t+3600001
    > model fails: Refused
      + effect.failed eff2 #1 model_refused "it is Refused", world No: for good
      + turn.ended turn1 failed, model_refused "it is Refused", 0+0 tokens
      # session idle
      # turn1 failed 2..7
      = idle, 7 entries
    > input "and the session is usable"
      + input.received starts turn2 by ann: user "and the session is usable"
      + effect.requested eff3 model alpha (0) over 2, ReadOnly
      ! eff3 #1 model alpha with 2 items, 10 tools
      # session in_progress
      # turn2 in_progress 8..
      = in_progress, 9 entries, due t+3600004
    > model answers
      + effect.completed eff3 #1: [agent "yes"] End
      + turn.ended turn2 completed, 100+10 tokens for 5
      # session idle
      # turn2 completed 8..11
      = idle, 11 entries
    "#);
}

#[test]
fn a_turn_that_fails_starts_the_next() {
    let setup = Setup::agent(|agent| agent.fallback_models.clear());
    insta::assert_snapshot!(tell_from(setup, [input("one"), queue("two")], [
        model_error(Invalid),
    ]), @r#"
    > model fails: Invalid
      + effect.failed eff1 #1 model_invalid "it is Invalid", world No: for good
      + turn.ended turn1 failed, model_invalid "it is Invalid", 0+0 tokens
      + turn.started turn2
      + effect.requested eff2 model alpha (0) over 2, ReadOnly
      ! eff2 #1 model alpha with 2 items, 10 tools
      # session in_progress
      # turn1 failed 2..6
      # turn2 in_progress 4..
      = in_progress, 8 entries, due t+3600003
    "#);
}

#[test]
fn input_that_came_before_the_failure_is_part_of_the_conversation() {
    let setup = Setup::agent(|agent| agent.fallback_models.clear());
    insta::assert_snapshot!(tell_from(setup, [input("one"), input("and two")], [
        model_error(Invalid),
        input("three"),
    ]), @r#"
    > model fails: Invalid
      + effect.failed eff1 #1 model_invalid "it is Invalid", world No: for good
      + turn.ended turn1 failed, model_invalid "it is Invalid", 0+0 tokens
      # session idle
      # turn1 failed 2..6
      = idle, 6 entries
    > input "three"
      + input.received starts turn2 by ann: user "three"
      + effect.requested eff2 model alpha (0) over 3, ReadOnly
      ! eff2 #1 model alpha with 3 items, 10 tools
      # session in_progress
      # turn2 in_progress 7..
      = in_progress, 8 entries, due t+3600004
    "#);
}
