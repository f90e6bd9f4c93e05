//! The context window: summaries, when they are made and what becomes of them.

use mainstay_core::port::ModelErrorKind::{ContextTooLong, Invalid, Unavailable};
use mainstay_core::port::StopReason;

use crate::lab::*;

/// A window in which the texts of these tests are long.
const WINDOW_TOKENS: u64 = 8_000;

fn small() -> Setup {
    Setup::default().window("alpha", WINDOW_TOKENS).window("beta", WINDOW_TOKENS)
}

fn long(kilobytes: usize) -> String {
    "word ".repeat(kilobytes * 200)
}

#[test]
fn a_context_above_the_threshold_is_summarised_before_the_next_step() {
    insta::assert_snapshot!(tell_from(small(), [
        input(&long(12)),
        model([say(&long(10))]),
    ], [
        input("next"),
        model([say("what was said")]),
        model([say("answer")]),
    ]), @r#"
    > input "next"
      + input.received starts turn2 by ann: user "next"
      + effect.requested eff2 summary by alpha of 2, ReadOnly
      ! eff2 #1 model alpha with 1 items, 0 tools, unseen
      # session in_progress
      # turn2 in_progress 6..
      = in_progress, 7 entries, due t+3600003
    > model answers
      + effect.completed eff2 #1: 2 items become summary "what was said"
      + effect.requested eff3 model alpha (0) over 2, ReadOnly
      ! eff3 #1 model alpha with 2 items, 10 tools
      = in_progress, 9 entries, due t+3600003
    > model answers
      + effect.completed eff3 #1: [agent "answer"] End
      + turn.ended turn2 completed, 200+20 tokens for 10
      # session idle
      # turn2 completed 6..11
      = idle, 11 entries
    "#);
}

#[test]
fn a_step_and_its_outputs_stay_together() {
    insta::assert_snapshot!(tell_from(small(), [
        input(&long(10)),
        model([think("read"), call("c1", "read"), call("c2", "read")]),
        tool("c2", &long(3)),
        tool("c1", &long(3)),
        model([think("again"), call("c3", "read")]),
    ], [
        tool("c3", &long(4)),
        model([say("what was said")]),
    ]), @r#"
    > c3 answers "word word word word word word word word word word word word word word word word word wor
      + effect.completed eff5 #1: output of c3 "word word word word word word word word word word word word word word word word word word "… (4000 characters)
      + effect.requested eff6 summary by alpha of 6, ReadOnly
      ! eff6 #1 model alpha with 1 items, 0 tools, unseen
      = in_progress, 13 entries, due t+3600001
    > model answers
      + effect.completed eff6 #1: 6 items become summary "what was said"
      + effect.requested eff7 model alpha (0) over 4, ReadOnly
      ! eff7 #1 model alpha with 4 items, 10 tools
      = in_progress, 15 entries, due t+3600001
    "#);
}

#[test]
fn one_output_larger_than_the_window_is_summarised_with_all_before_it() {
    insta::assert_snapshot!(tell_from(small(), [
        input("go"),
        model([call("c1", "read")]),
    ], [
        tool("c1", &long(30)),
        model([say("what was said")]),
        model([say("answer")]),
    ]), @r#"
    > c1 answers "word word word word word word word word word word word word word word word word word wor
      + effect.completed eff2 #1: output of c1 "word word word word word word word word word word word word word word word word word word "… (30000 characters)
      + effect.requested eff3 summary by alpha of 3, ReadOnly
      ! eff3 #1 model alpha with 1 items, 0 tools, unseen
      = in_progress, 7 entries, due t+3600001
    > model answers
      + effect.completed eff3 #1: 3 items become summary "what was said"
      + effect.requested eff4 model alpha (0) over 1, ReadOnly
      ! eff4 #1 model alpha with 1 items, 10 tools
      = in_progress, 9 entries, due t+3600001
    > model answers
      + effect.completed eff4 #1: [agent "answer"] End
      + turn.ended turn1 completed, 300+30 tokens for 15
      # session idle
      # turn1 completed 2..11
      = idle, 11 entries
    "#);
}

#[test]
fn a_model_that_finds_the_context_too_long_is_asked_again_with_a_summary() {
    insta::assert_snapshot!(tell_from(small(), [
        input(&long(4)),
        model([say(&long(4))]),
        input("next"),
    ], [
        model_error(ContextTooLong),
        model([say("what was said")]),
        model([say("answer")]),
    ]), @r#"
    > model fails: ContextTooLong
      + effect.requested eff3 summary by alpha of 2, ReadOnly
      + effect.failed eff2 #1 context_too_long "it is ContextTooLong", world No: for good
      ! eff3 #1 model alpha with 1 items, 0 tools, unseen
      = in_progress, 9 entries, due t+3600003
    > model answers
      + effect.completed eff3 #1: 2 items become summary "what was said"
      + effect.requested eff4 model alpha (0) over 2, ReadOnly
      ! eff4 #1 model alpha with 2 items, 10 tools
      = in_progress, 11 entries, due t+3600003
    > model answers
      + effect.completed eff4 #1: [agent "answer"] End
      + turn.ended turn2 completed, 200+20 tokens for 10
      # session idle
      # turn2 completed 6..13
      = idle, 13 entries
    "#);
}

#[test]
fn a_context_that_is_too_long_twice_goes_to_the_next_model_and_fails_with_the_last() {
    insta::assert_snapshot!(tell_from(small(), [
        input(&long(4)),
        model([say(&long(4))]),
        input("next"),
        model_error(ContextTooLong),
        model([say("what was said")]),
    ], [
        model_error(ContextTooLong),
        model_error(ContextTooLong),
        input("and the session is usable"),
    ]), @r#"
    > model fails: ContextTooLong
      + effect.failed eff4 #1 context_too_long "it is ContextTooLong", world No: for good
      + effect.requested eff5 model beta (1) over 2, ReadOnly
      ! eff5 #1 model beta with 2 items, 10 tools
      = in_progress, 13 entries, due t+3600003
    > model fails: ContextTooLong
      + effect.failed eff5 #1 context_too_long "it is ContextTooLong", world No: for good
      + turn.ended turn2 failed, context_too_long "it is ContextTooLong", 100+10 tokens for 5
      # session idle
      # turn2 failed 6..15
      = idle, 15 entries
    > input "and the session is usable"
      + input.received starts turn3 by ann: user "and the session is usable"
      + effect.requested eff6 model alpha (0) over 3, ReadOnly
      ! eff6 #1 model alpha with 3 items, 10 tools
      # session in_progress
      # turn3 in_progress 16..
      = in_progress, 17 entries, due t+3600008
    "#);
}

#[test]
fn a_context_of_which_nothing_can_be_cut_fails_the_turn() {
    let setup = Setup::agent(|agent| agent.fallback_models.clear());
    insta::assert_snapshot!(tell_from(setup, [input("go")], [model_error(ContextTooLong)]), @r#"
    > model fails: ContextTooLong
      + effect.failed eff1 #1 context_too_long "it is ContextTooLong", world No: for good
      + turn.ended turn1 failed, context_too_long "it is ContextTooLong", 0+0 tokens
      # session idle
      # turn1 failed 2..5
      = idle, 5 entries
    "#);
}

#[test]
fn a_summary_is_asked_for_again_with_less_then_of_the_next_model() {
    let start = || [input(&long(12)), model([say(&long(10))]), input("next")];
    insta::assert_snapshot!(tell_from(small(), start(), [
        model_error(ContextTooLong),
        tick(1_000),
        model_error(Unavailable),
        tick(1_000),
        model_stops([say("I will not")], StopReason::Refusal),
        model([think("nothing to say")]),
        tick(1_000),
        model_error(Invalid),
    ]), @r#"
    > model fails: ContextTooLong
      + effect.failed eff2 #1 context_too_long "it is ContextTooLong", world No: again at t+213
      = in_progress, 8 entries, due t+213
    > tick after 1000
      + effect.attempted eff2 #2
      ! eff2 #2 model alpha with 1 items, 0 tools, unseen
      = in_progress, 9 entries, due t+3600003
    > model fails: Unavailable
      + effect.failed eff2 #2 model_unavailable "it is Unavailable", world No: again at t+1389
      = in_progress, 10 entries, due t+1389
    > tick after 1000
      + effect.attempted eff2 #3
      ! eff2 #3 model alpha with 1 items, 0 tools, unseen
      = in_progress, 11 entries, due t+3600003
    > model answers, Refusal
      + effect.failed eff2 #3 model_refused "the model refused to summarise", world No: for good
      + effect.requested eff3 summary by beta of 2, ReadOnly
      ! eff3 #1 model beta with 1 items, 0 tools, unseen
      = in_progress, 13 entries, due t+3600003
    > model answers
      + effect.failed eff3 #1 model_invalid "the model wrote an empty summary", world No: again at t+2147
      = in_progress, 14 entries, due t+2147
    > tick after 1000
      + effect.attempted eff3 #2
      ! eff3 #2 model beta with 1 items, 0 tools, unseen
      = in_progress, 15 entries, due t+3600003
    > model fails: Invalid
      + effect.failed eff3 #2 model_invalid "it is Invalid", world No: for good
      + turn.ended turn2 failed, model_invalid "it is Invalid", 0+0 tokens
      # session idle
      # turn2 failed 6..17
      = idle, 17 entries
    "#);
    let mut world = World::created(small());
    for step in start() {
        world.step(step).expect("the step is taken");
    }
    let first = text_sent(&world);
    world.step(model_error(ContextTooLong)).expect("an answer is taken");
    world.step(tick(1_000)).expect("time passes");
    let second = text_sent(&world);
    assert!(first.len() <= 17_000 && second.len() <= 8_500, "{} {}", first.len(), second.len());
}

#[test]
fn definitions_of_tools_alone_cause_no_summary() {
    let setup = Setup::default().window("alpha", 1_000);
    insta::assert_snapshot!(tell(setup, [input("go"), model([say("hi")]), input("next")]), @r#"
    > input "go"
      + input.received starts turn1 by ann: user "go"
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
    > input "next"
      + input.received starts turn2 by ann: user "next"
      + effect.requested eff2 model alpha (0) over 3, ReadOnly
      ! eff2 #1 model alpha with 3 items, 10 tools
      # session in_progress
      # turn2 in_progress 6..
      = in_progress, 7 entries, due t+3600003
    "#);
}
