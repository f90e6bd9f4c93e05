//! Tool calls of the model: parallel ones, odd ones, refused ones.

use mainstay_core::session::MAX_PARALLEL_CALLS;

use crate::lab::*;

#[test]
fn parallel_calls_of_each_safety_with_outcomes_in_any_order() {
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go")], [
        model([say("working"), call("c1", "read"), call("c2", "put"), call("c3", "pay")]),
        tool("c3", "paid"),
        tool("c1", "text"),
        tool("c2", "stored"),
        model([say("done")]),
    ]), @r#"
    > model answers
      + effect.completed eff1 #1: [agent "working", call c1 srv/read{}, call c2 srv/put{}, call c3 srv/pay{}] End
      + effect.requested eff2 tool read for c1, ReadOnly, Allow for:ann
      + effect.requested eff3 tool put for c2, Idempotent, Allow for:ann
      + effect.requested eff4 tool pay for c3, Once, Allow for:ann
      + effect.attempted eff4 #1
      ! eff2 #1 tool srv/read{} for ann
      ! eff3 #1 tool srv/put{} for ann
      ! eff4 #1 tool srv/pay{} for ann
      = in_progress, 8 entries, due t+3600001
    > c3 answers "paid"
      + effect.completed eff4 #1: output of c3 "paid"
      = in_progress, 9 entries, due t+3600001
    > c1 answers "text"
      + effect.completed eff2 #1: output of c1 "text"
      = in_progress, 10 entries, due t+3600001
    > c2 answers "stored"
      + effect.completed eff3 #1: output of c2 "stored"
      + effect.requested eff5 model alpha (0) over 8, ReadOnly
      ! eff5 #1 model alpha with 8 items, 10 tools
      = in_progress, 12 entries, due t+3600001
    > model answers
      + effect.completed eff5 #1: [agent "done"] End
      + turn.ended turn1 completed, 200+20 tokens for 10
      # session idle
      # turn1 completed 2..14
      = idle, 14 entries
    "#);
}

#[test]
fn a_call_of_an_unknown_tool_is_told_to_the_model() {
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go")], [
        model([call("c1", "fly"), call("c2", "read")]),
        tool("c2", "text"),
    ]), @r#"
    > model answers
      + effect.completed eff1 #1: [call c1 client/fly{}, call c2 srv/read{}] End
      + call.refused UnknownTool: error of c1 "there is no tool \"fly\"; the tools are: lookup, read, put, pay, send, ask_pay, ask_read, as"… (116 characters)
      + effect.requested eff2 tool read for c2, ReadOnly, Allow for:ann
      ! eff2 #1 tool srv/read{} for ann
      = in_progress, 6 entries, due t+3600001
    > c2 answers "text"
      + effect.completed eff2 #1: output of c2 "text"
      + effect.requested eff3 model alpha (0) over 5, ReadOnly
      ! eff3 #1 model alpha with 5 items, 10 tools
      = in_progress, 8 entries, due t+3600001
    "#);
}

#[test]
fn a_made_up_name_is_kept_as_providers_take_it() {
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go")], [
        model([
            call("c1", "fly to the moon!"),
            call("c2", ""),
            call("c3", &"x".repeat(70)),
            call("c4", "read"),
        ]),
    ]), @r#"
    > model answers
      + effect.completed eff1 #1: [call c1 client/fly_to_the_moon_{}, call c2 client/unnamed{}, call c3 client/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{}, call c4 srv/read{}] End
      + call.refused UnknownTool: error of c1 "there is no tool \"fly_to_the_moon_\"; the tools are: lookup, read, put, pay, send, ask_pay,"… (129 characters)
      + call.refused UnknownTool: error of c2 "there is no tool \"unnamed\"; the tools are: lookup, read, put, pay, send, ask_pay, ask_read"… (120 characters)
      + call.refused UnknownTool: error of c3 "there is no tool \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"; the t"… (177 characters)
      + effect.requested eff2 tool read for c4, ReadOnly, Allow for:ann
      ! eff2 #1 tool srv/read{} for ann
      = in_progress, 8 entries, due t+3600001
    "#);
}

#[test]
fn arguments_that_do_not_fit_are_told_to_the_model() {
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go")], [
        model([
            call_with("c1", "read", "{\"a\":"),
            call_with("c2", "read", "[1]"),
            call_with("c3", "strict", "{}"),
            call_with("c4", "strict", "{\"path\":\"a\"}"),
            call_with("c5", "read", "  "),
        ]),
    ]), @r#"
    > model answers
      + effect.completed eff1 #1: [call c1 srv/read{'a':, call c2 srv/read[1], call c3 srv/strict{}, call c4 srv/strict{'path':'a'}, call c5 srv/read{}] End
      + call.refused InvalidArguments: error of c1 "arguments are not JSON: EOF while parsing a value at line 1 column 5"
      + call.refused InvalidArguments: error of c2 "arguments must be a JSON object"
      + call.refused InvalidArguments: error of c3 "argument \"path\" is missing"
      + effect.requested eff2 tool strict for c4, ReadOnly, Allow for:ann
      + effect.requested eff3 tool read for c5, ReadOnly, Allow for:ann
      ! eff2 #1 tool srv/strict{'path':'a'} for ann
      ! eff3 #1 tool srv/read{} for ann
      = in_progress, 9 entries, due t+3600001
    "#);
}

#[test]
fn a_denied_call_is_told_to_the_model_with_the_policy() {
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go")], [
        model([call("c1", "deny_pay")]),
        model([say("I may not")]),
    ]), @r#"
    > model answers
      + effect.completed eff1 #1: [call c1 srv/deny_pay{}] End
      + call.refused Denied by for:ann: error of c1 "policy for:ann denies this call"
      + effect.requested eff2 model alpha (0) over 3, ReadOnly
      ! eff2 #1 model alpha with 3 items, 10 tools
      = in_progress, 6 entries, due t+3600001
    > model answers
      + effect.completed eff2 #1: [agent "I may not"] End
      + turn.ended turn1 completed, 200+20 tokens for 10
      # session idle
      # turn1 completed 2..8
      = idle, 8 entries
    "#);
}

#[test]
fn ids_that_stand_for_other_calls_are_replaced() {
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go")], [
        model([call("c1", "read"), call("c1", "read"), call("", "read"), call("no id!", "read")]),
        tool("c1", "text"),
        cancel(),
        input("again"),
        model([call("c1", "read")]),
    ]), @r#"
    > model answers
      + effect.completed eff1 #1: [call c1 srv/read{}, call call1 srv/read{}, call call2 srv/read{}, call call3 srv/read{}] End
      + effect.requested eff2 tool read for c1, ReadOnly, Allow for:ann
      + effect.requested eff3 tool read for call1, ReadOnly, Allow for:ann
      + effect.requested eff4 tool read for call2, ReadOnly, Allow for:ann
      + effect.requested eff5 tool read for call3, ReadOnly, Allow for:ann
      ! eff2 #1 tool srv/read{} for ann
      ! eff3 #1 tool srv/read{} for ann
      ! eff4 #1 tool srv/read{} for ann
      ! eff5 #1 tool srv/read{} for ann
      = in_progress, 8 entries, due t+3600001
    > c1 answers "text"
      + effect.completed eff2 #1: output of c1 "text"
      = in_progress, 9 entries, due t+3600001
    > cancel
      + effect.failed eff3 #1 conflict "the turn was cancelled", world No: error of call1 "the turn was cancelled; this call has no result"
      + effect.failed eff4 #1 conflict "the turn was cancelled", world No: error of call2 "the turn was cancelled; this call has no result"
      + effect.failed eff5 #1 conflict "the turn was cancelled", world No: error of call3 "the turn was cancelled; this call has no result"
      + turn.ended turn1 cancelled, 100+10 tokens for 5
      - eff3
      - eff4
      - eff5
      # session idle
      # turn1 cancelled 2..13
      = idle, 13 entries
    > input "again"
      + input.received starts turn2 by ann: user "again"
      + effect.requested eff6 model alpha (0) over 10, ReadOnly
      ! eff6 #1 model alpha with 10 items, 10 tools
      # session in_progress
      # turn2 in_progress 14..
      = in_progress, 15 entries, due t+3600005
    > model answers
      + effect.completed eff6 #1: [call call4 srv/read{}] End
      + effect.requested eff7 tool read for call4, ReadOnly, Allow for:ann
      ! eff7 #1 tool srv/read{} for ann
      = in_progress, 17 entries, due t+3600005
    "#);
}

#[test]
fn one_step_makes_so_many_calls_and_no_more() {
    let mut world = World::created(Setup::default());
    world.step(input("go")).expect("starts a turn");
    let calls: Vec<_> =
        (0..MAX_PARALLEL_CALLS + 3).map(|n| call(&format!("c{n}"), "read")).collect();
    let decision = world.step(model_says(calls)).expect("an answer is taken");
    let kinds = |kind: &str| decision.facts.iter().filter(|fact| fact.kind() == kind).count();
    assert_eq!(kinds("effect.requested"), MAX_PARALLEL_CALLS);
    assert_eq!(kinds("call.refused"), 3);
    assert_eq!(decision.dispatches.len(), MAX_PARALLEL_CALLS);
}

#[test]
fn a_tool_that_answers_much_is_cut() {
    let mut world = World::created(Setup::default());
    world.step(input("go")).expect("starts a turn");
    world.step(model([call("c1", "read")])).expect("an answer is taken");
    world.step(tool("c1", &"x".repeat(1_000_000))).expect("an answer is taken");
    assert!(world.state.transcript.bytes() < 33 * 1024, "{}", world.state.transcript.bytes());
}
