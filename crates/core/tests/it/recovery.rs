//! Another process takes the session over, in every phase.

use mainstay_core::port::{ModelErrorKind, Reconciliation, WorldChange};
use mainstay_core::session::ApprovalAnswer::Retry;
use mainstay_core::tool::UnknownRule;

use crate::lab::*;

#[test]
fn at_rest_there_is_nothing_to_recover() {
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go"), model([say("hi")])], [
        recover(),
    ]), @"
    > recover
      = idle, 5 entries
    ");
}

#[test]
fn a_model_call_is_made_again() {
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go"), input("more")], [
        recover(),
        late_model([say("of the attempt before")]),
        model([say("again")]),
    ]), @r#"
    > recover
      + effect.attempted eff1 #2
      ! eff1 #2 model alpha with 1 items, 10 tools
      = in_progress, 5 entries, due t+3600001
    > the first model call answers, late
      = in_progress, 5 entries, due t+3600001
    > model answers
      + effect.completed eff1 #2: [agent "again"] End
      + effect.requested eff2 model alpha (0) over 3, ReadOnly
      ! eff2 #1 model alpha with 3 items, 10 tools
      = in_progress, 7 entries, due t+3600001
    "#);
}

#[test]
fn a_summary_and_the_question_what_tools_there_are_are_made_again() {
    let setup = Setup { tools: None, ..Setup::default() };
    insta::assert_snapshot!(tell_from(setup, [input("go")], [recover()]), @"
    > recover
      + effect.attempted eff1 #2
      ! eff1 #2 sources client, srv
      = in_progress, 4 entries, due t+3600001
    ");
    let setup = Setup::default().window("alpha", 4_000);
    insta::assert_snapshot!(tell_from(setup, [
        input(&"x".repeat(6_000)),
        model([say(&"y".repeat(8_000))]),
        input("next"),
    ], [recover()]), @"
    > recover
      + effect.attempted eff2 #2
      ! eff2 #2 model alpha with 1 items, 0 tools, unseen
      = in_progress, 8 entries, due t+3600003
    ");
}

#[test]
fn calls_of_each_safety() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        model([
            call("c1", "read"),
            call("c2", "put"),
            call("c3", "pay"),
            call("c4", "send"),
            call("c5", "lookup"),
            call("c6", "ask_pay"),
        ]),
        tool("c1", "done before the crash"),
    ], [
        recover(),
        reconciled("c4", Reconciliation::NotDone),
        recover(),
    ]), @r#"
    > recover
      + effect.attempted eff3 #2
      + effect.unknown eff4 #1 "the server stopped during the call": ask apr2 until t+604800004
      + effect.unknown eff5 #1 "the server stopped during the call": ask the tool
      ! eff3 #2 tool srv/put{} for ann
      ! eff5 #1 reconcile srv/send
      # session in_progress, outcome apr2 of c3 srv/pay, result of c5 lookup, approval apr1 of c6 srv/ask_pay
      = in_progress, 16 entries, due t+3600001
    > c4 reconciles: NotDone
      + effect.attempted eff5 #2
      ! eff5 #2 tool srv/send{} for ann
      = in_progress, 17 entries, due t+3600001
    > recover
      + effect.attempted eff3 #3
      + effect.unknown eff5 #2 "the server stopped during the call": ask the tool
      ! eff3 #3 tool srv/put{} for ann
      ! eff5 #2 reconcile srv/send
      = in_progress, 19 entries, due t+3600001
    "#);
}

#[test]
fn what_waits_for_a_time_or_a_person_goes_on_waiting() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        model([call("c1", "read"), call("c2", "pay"), call("c3", "send")]),
        tool_error("c1", WorldChange::No, true),
        tool_error("c2", WorldChange::Maybe, true),
        tool_error("c3", WorldChange::Maybe, true),
        reconcile_error("c3", true),
    ], [
        recover(),
        tick(1_000),
        person("c2", Retry),
    ]), @r#"
    > recover
      = in_progress, 13 entries, due t+153
    > tick after 1000
      + effect.attempted eff2 #2
      + effect.unknown eff4 #1 "asking again what became of the call": ask the tool
      ! eff2 #2 tool srv/read{} for ann
      ! eff4 #1 reconcile srv/send
      = in_progress, 15 entries, due t+3600001
    > a person answers for c2: Retry
      + approval.resolved apr1 Retry for eff3
      + effect.attempted eff3 #2
      ! eff3 #2 tool srv/pay{} for ann
      # session in_progress
      = in_progress, 17 entries, due t+3600001
    "#);
}

#[test]
fn a_crash_while_the_tool_is_asked_asks_it_again() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        model([call("c1", "send")]),
        recover(),
    ], [
        recover(),
        reconciled("c1", Reconciliation::Unknown),
    ]), @r#"
    > recover
      ! eff2 #1 reconcile srv/send
      = in_progress, 7 entries, due t+3600001
    > c1 reconciles: Unknown
      + effect.unknown eff2 #1 "the tool cannot tell what became of the call": ask apr1 until t+604800005
      + turn.waiting turn1 for outcome apr1 of c1 srv/send
      # session requires_action, outcome apr1 of c1 srv/send
      # turn1 waiting 2..
      = requires_action, 9 entries, due t+604800005
    "#);
}

#[test]
fn the_agents_rule_counts_after_a_crash_too() {
    for rule in [UnknownRule::Ask, UnknownRule::Report, UnknownRule::Retry] {
        let mut world = World::created(Setup::agent(|agent| agent.unknown_outcome = rule));
        world.step(input("go")).expect("starts a turn");
        world.step(model([call("c1", "pay")])).expect("an answer is taken");
        let decision = world.step(recover()).expect("a session can be taken over");
        assert_eq!(decision.facts[0].kind(), "effect.unknown", "{rule:?}");
        let attempts = decision.dispatches.iter().filter(|dispatch| dispatch.attempt == 2).count();
        assert_eq!(attempts, usize::from(rule == UnknownRule::Retry), "{rule:?}");
    }
}

#[test]
fn a_crash_before_each_retry_of_a_model_uses_up_its_attempts() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        recover(),
        recover(),
        recover(),
    ], [
        model_error(ModelErrorKind::Unavailable),
    ]), @r#"
    > model fails: Unavailable
      + effect.failed eff1 #4 model_unavailable "it is Unavailable", world No: for good
      + effect.requested eff2 model beta (1) over 1, ReadOnly
      ! eff2 #1 model beta with 1 items, 10 tools
      = in_progress, 8 entries, due t+3600001
    "#);
}

#[test]
fn a_turn_whose_time_ran_out_meanwhile_fails() {
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go")], [
        recover().after(3_600_000),
        tick(1),
    ]), @r#"
    > recover
      + effect.attempted eff1 #2
      ! eff1 #2 model alpha with 1 items, 10 tools
      = in_progress, 4 entries, due t+3600001
    > tick after 1
      + effect.failed eff1 #2 conflict "the turn reached its time limit", world No: for good
      + turn.ended turn1 failed, limit_reached "the turn reached its limit of 3600000 ms", 0+0 tokens
      - eff1
      # session idle
      # turn1 failed 2..6
      = idle, 6 entries
    "#);
}
