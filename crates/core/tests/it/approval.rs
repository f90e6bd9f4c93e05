//! Calls that a person is asked about before they are made.

use mainstay_core::session::ApprovalAnswer::{Approve, Deny, Done, Retry};

use crate::lab::*;

/// A question stands for a week.
const WEEK_MS: u64 = 7 * 24 * 3_600_000;

#[test]
fn an_approved_call_is_made_once() {
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go")], [
        model([call("c1", "ask_pay")]),
        person("c1", Approve).by("bob"),
        tool("c1", "paid"),
    ]), @r#"
    > model answers
      + effect.completed eff1 #1: [call c1 srv/ask_pay{}] End
      + effect.requested eff2 tool ask_pay for c1, Once, Ask for:ann, awaits approval apr1
      + turn.waiting turn1 for approval apr1 of c1 srv/ask_pay
      # session requires_action, approval apr1 of c1 srv/ask_pay
      # turn1 waiting 2..
      = requires_action, 6 entries, due t+604800002
    > a person answers for c1: Approve (by bob)
      + approval.resolved apr1 Approve for eff2
      + effect.attempted eff2 #1
      + turn.resumed turn1
      ! eff2 #1 tool srv/ask_pay{} for ann
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 9 entries, due t+3600002
    > c1 answers "paid"
      + effect.completed eff2 #1: output of c1 "paid"
      + effect.requested eff3 model alpha (0) over 3, ReadOnly
      ! eff3 #1 model alpha with 3 items, 10 tools
      = in_progress, 11 entries, due t+3600002
    "#);
}

#[test]
fn an_approved_read_runs_at_once() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        model([call("c1", "ask_read"), call("c2", "read")]),
    ], [
        tool("c2", "text"),
        person("c1", Approve),
    ]), @r#"
    > c2 answers "text"
      + effect.completed eff3 #1: output of c2 "text"
      + turn.waiting turn1 for approval apr1 of c1 srv/ask_read
      # session requires_action, approval apr1 of c1 srv/ask_read
      # turn1 waiting 2..
      = requires_action, 8 entries, due t+604800002
    > a person answers for c1: Approve
      + approval.resolved apr1 Approve for eff2
      + turn.resumed turn1
      ! eff2 #1 tool srv/ask_read{} for ann
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 10 entries, due t+3600002
    "#);
}

#[test]
fn a_denied_call_is_told_to_the_model() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        model([call("c1", "ask_pay")]),
    ], [
        person("c1", Deny),
    ]), @r#"
    > a person answers for c1: Deny
      + approval.resolved apr1 Deny for eff2: error of c1 "a person denied this call; it was not carried out"
      + turn.resumed turn1
      + effect.requested eff3 model alpha (0) over 3, ReadOnly
      ! eff3 #1 model alpha with 3 items, 10 tools
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 9 entries, due t+3600002
    "#);
}

#[test]
fn a_question_lapses_after_its_time() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        model([call("c1", "ask_pay")]),
    ], [
        tick(WEEK_MS - 1),
        tick(1),
    ]), @r#"
    > tick after 604799999
      = requires_action, 6 entries, due t+604800002
    > tick after 1
      + approval.resolved apr1 Lapsed for eff2: error of c1 "nobody approved this call in time; it was not carried out"
      + turn.resumed turn1
      + effect.requested eff3 model alpha (0) over 3, ReadOnly
      ! eff3 #1 model alpha with 3 items, 10 tools
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 9 entries, due t+608400001
    "#);
}

#[test]
fn an_answer_after_the_time_does_not_count() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        model([call("c1", "ask_pay")]),
    ], [
        person("c1", Approve).after(WEEK_MS),
    ]), @"
    > a person answers for c1: Approve
      refused: call_not_waiting: no question apr1 waits for an answer
    ");
}

#[test]
fn an_approved_function_of_the_client_waits_for_the_client() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        model([call("c1", "ask_lookup")]),
    ], [
        result("c1", "too early"),
        person("c1", Approve),
        result("c1", "found"),
    ]), @r#"
    > client brings "too early" for c1
      refused: call_not_waiting: Unknown pending tool call: c1
    > a person answers for c1: Approve
      + approval.resolved apr1 Approve for eff2
      # session requires_action, result of c1 ask_lookup
      = requires_action, 7 entries
    > client brings "found" for c1
      + effect.completed eff2 #1: output of c1 "found"
      + turn.resumed turn1
      + effect.requested eff3 model alpha (0) over 3, ReadOnly
      ! eff3 #1 model alpha with 3 items, 10 tools
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 10 entries, due t+3600004
    "#);
}

#[test]
fn an_answer_must_fit_the_question() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        model([call("c1", "ask_pay")]),
    ], [
        person("c1", Done(None)),
        person("c1", Retry),
        stranger(Approve),
    ]), @"
    > a person answers for c1: Done(None)
      refused: invalid_parameter: this question asks whether to make a call: answer approve or deny
    > a person answers for c1: Retry
      refused: invalid_parameter: this question asks whether to make a call: answer approve or deny
    > a person answers a question that nobody asked
      refused: call_not_waiting: no question apr_unknown waits for an answer
    ");
}

#[test]
fn a_question_is_bound_to_the_canonical_arguments() {
    let mut world = World::created(Setup::default());
    world.step(input("go")).expect("starts a turn");
    let arguments = "{ \"b\": 1.0, \"a\": 18446744073709551615 }";
    world.step(model([call_with("c1", "ask_pay", arguments)])).expect("an answer is taken");
    let required = serde_json::to_value(world.state.required_actions()).expect("serialises");
    let hash = mainstay_protocol::sha256_hex(b"{\"a\":18446744073709552000,\"b\":1}");
    assert_eq!(required[0]["arguments_sha256"], hash);
    assert_eq!(required[0]["arguments"], arguments);
}
