//! Outcomes of `once` calls that are not known: the tool is asked, else the agent's rule counts.

use mainstay_core::port::{Reconciliation, ToolOutput, WorldChange::Maybe, WorldChange::No};
use mainstay_core::session::ApprovalAnswer::{Approve, Done, NotDone, Retry};
use mainstay_core::tool::UnknownRule;

use crate::lab::*;

/// A question stands for a week.
const WEEK_MS: u64 = 7 * 24 * 3_600_000;

fn ruled(rule: UnknownRule) -> Setup {
    Setup::agent(|agent| agent.unknown_outcome = rule)
}

/// A call whose outcome is not known.
fn lost(tool: &str) -> [Step; 3] {
    [input("go"), model([call("c1", tool)]), tool_error("c1", Maybe, true)]
}

#[test]
fn the_tool_says_that_it_was_done() {
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go"), model([call("c1", "send")])], [
        tool_error("c1", Maybe, true),
        reconciled("c1", Reconciliation::Done(ToolOutput::text("sent before"))),
    ]), @r#"
    > c1 fails, world Maybe, retryable true
      + effect.unknown eff2 #1 "it broke": ask the tool
      ! eff2 #1 reconcile srv/send
      = in_progress, 7 entries, due t+3600001
    > c1 reconciles: Done(ToolOutput { content: [Text { text: "sent before" }], is_error: false, exec: Non
      + effect.completed eff2 #1: output of c1 "sent before"
      + effect.requested eff3 model alpha (0) over 3, ReadOnly
      ! eff3 #1 model alpha with 3 items, 10 tools
      = in_progress, 9 entries, due t+3600001
    "#);
}

#[test]
fn the_tool_says_that_it_was_not_done_until_attempts_are_exhausted() {
    insta::assert_snapshot!(tell_from(Setup::default(), lost("send"), [
        reconciled("c1", Reconciliation::NotDone),
        tool_error("c1", Maybe, false),
        reconciled("c1", Reconciliation::NotDone),
        tool_error("c1", Maybe, false),
        reconciled("c1", Reconciliation::NotDone),
    ]), @r#"
    > c1 reconciles: NotDone
      + effect.attempted eff2 #2
      ! eff2 #2 tool srv/send{} for ann
      = in_progress, 8 entries, due t+3600001
    > c1 fails, world Maybe, retryable false
      + effect.unknown eff2 #2 "it broke": ask the tool
      ! eff2 #2 reconcile srv/send
      = in_progress, 9 entries, due t+3600001
    > c1 reconciles: NotDone
      + effect.attempted eff2 #3
      ! eff2 #3 tool srv/send{} for ann
      = in_progress, 10 entries, due t+3600001
    > c1 fails, world Maybe, retryable false
      + effect.unknown eff2 #3 "it broke": ask the tool
      ! eff2 #3 reconcile srv/send
      = in_progress, 11 entries, due t+3600001
    > c1 reconciles: NotDone
      + effect.failed eff2 #3 tool_unavailable "the tool says that the call was not done", world No: error of c1 "the call was not carried out, and its attempts are exhausted"
      + effect.requested eff3 model alpha (0) over 3, ReadOnly
      ! eff3 #1 model alpha with 3 items, 10 tools
      = in_progress, 13 entries, due t+3600001
    "#);
}

#[test]
fn the_tool_cannot_tell() {
    insta::assert_snapshot!(tell_from(Setup::default(), lost("send"), [
        reconciled("c1", Reconciliation::Unknown),
    ]), @r#"
    > c1 reconciles: Unknown
      + effect.unknown eff2 #1 "the tool cannot tell what became of the call": ask apr1 until t+604800004
      + turn.waiting turn1 for outcome apr1 of c1 srv/send
      # session requires_action, outcome apr1 of c1 srv/send
      # turn1 waiting 2..
      = requires_action, 9 entries, due t+604800004
    "#);
}

#[test]
fn the_tool_cannot_be_asked() {
    insta::assert_snapshot!(tell_from(ruled(UnknownRule::Report), lost("send"), [
        reconcile_error("c1", true),
        tick(1_000),
        reconcile_error("c1", true),
        tick(1_000),
        reconcile_error("c1", true),
    ]), @r#"
    > c1 cannot reconcile, retryable true
      + effect.failed eff2 #1 tool_unavailable "it broke", world Maybe: again at t+213
      = in_progress, 8 entries, due t+213
    > tick after 1000
      + effect.unknown eff2 #1 "asking again what became of the call": ask the tool
      ! eff2 #1 reconcile srv/send
      = in_progress, 9 entries, due t+3600001
    > c1 cannot reconcile, retryable true
      + effect.failed eff2 #1 tool_unavailable "it broke", world Maybe: again at t+1389
      = in_progress, 10 entries, due t+1389
    > tick after 1000
      + effect.unknown eff2 #1 "asking again what became of the call": ask the tool
      ! eff2 #1 reconcile srv/send
      = in_progress, 11 entries, due t+3600001
    > c1 cannot reconcile, retryable true
      + effect.unknown eff2 #1 "the tool could not be asked what became of the call: it broke": error of c1 "the outcome of this call is unknown: the tool could not be asked what became of the call: "… (124 characters)
      + effect.requested eff3 model alpha (0) over 3, ReadOnly
      ! eff3 #1 model alpha with 3 items, 10 tools
      = in_progress, 13 entries, due t+3600001
    "#);
    insta::assert_snapshot!(tell_from(ruled(UnknownRule::Report), lost("send"), [
        reconcile_error("c1", false),
    ]), @r#"
    > c1 cannot reconcile, retryable false
      + effect.unknown eff2 #1 "the tool could not be asked what became of the call: it broke": error of c1 "the outcome of this call is unknown: the tool could not be asked what became of the call: "… (124 characters)
      + effect.requested eff3 model alpha (0) over 3, ReadOnly
      ! eff3 #1 model alpha with 3 items, 10 tools
      = in_progress, 9 entries, due t+3600001
    "#);
}

#[test]
fn a_person_says_that_it_was_done() {
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go"), model([call("c1", "pay")])], [
        tool_error("c1", Maybe, true),
        person("c1", Approve),
        person("c1", Done(Some(ToolOutput::text("receipt 7")))),
    ]), @r#"
    > c1 fails, world Maybe, retryable true
      + effect.unknown eff2 #1 "it broke": ask apr1 until t+604800003
      + turn.waiting turn1 for outcome apr1 of c1 srv/pay
      # session requires_action, outcome apr1 of c1 srv/pay
      # turn1 waiting 2..
      = requires_action, 8 entries, due t+604800003
    > a person answers for c1: Approve
      refused: invalid_parameter: this question asks what became of a call: answer done, not_done or retry
    > a person answers for c1: Done(Some(ToolOutput { content: [Text { text: "receipt 7" }], is_error: fal
      + approval.resolved apr1 Done for eff2: output of c1 "receipt 7"
      + turn.resumed turn1
      + effect.requested eff3 model alpha (0) over 3, ReadOnly
      ! eff3 #1 model alpha with 3 items, 10 tools
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 11 entries, due t+3600003
    "#);
    insta::assert_snapshot!(tell_from(Setup::default(), lost("pay"), [person("c1", Done(None))]), @r#"
    > a person answers for c1: Done(None)
      + approval.resolved apr1 Done for eff2: output of c1 "a person confirmed that this call was carried out; its answer is not known"
      + turn.resumed turn1
      + effect.requested eff3 model alpha (0) over 3, ReadOnly
      ! eff3 #1 model alpha with 3 items, 10 tools
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 11 entries, due t+3600002
    "#);
}

#[test]
fn a_person_says_that_it_was_not_done() {
    insta::assert_snapshot!(tell_from(Setup::default(), lost("pay"), [person("c1", NotDone)]), @r#"
    > a person answers for c1: NotDone
      + approval.resolved apr1 NotDone for eff2: error of c1 "a person says that this call was not carried out"
      + turn.resumed turn1
      + effect.requested eff3 model alpha (0) over 3, ReadOnly
      ! eff3 #1 model alpha with 3 items, 10 tools
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 11 entries, due t+3600002
    "#);
}

#[test]
fn a_person_wants_another_attempt() {
    insta::assert_snapshot!(tell_from(Setup::default(), lost("pay"), [
        person("c1", Retry).by("bob"),
        tool_error("c1", No, false),
    ]), @r#"
    > a person answers for c1: Retry (by bob)
      + approval.resolved apr1 Retry for eff2
      + effect.attempted eff2 #2
      + turn.resumed turn1
      ! eff2 #2 tool srv/pay{} for ann
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 11 entries, due t+3600002
    > c1 fails, world No, retryable false
      + effect.failed eff2 #2 tool_unavailable "it broke", world Maybe: error of c1 "the tool failed: it broke; the call may have taken effect"
      + effect.requested eff3 model alpha (0) over 3, ReadOnly
      ! eff3 #1 model alpha with 3 items, 10 tools
      = in_progress, 13 entries, due t+3600002
    "#);
}

#[test]
fn nobody_says_what_became_of_it() {
    insta::assert_snapshot!(tell_from(Setup::default(), lost("pay"), [tick(WEEK_MS)]), @r#"
    > tick after 604800000
      + approval.resolved apr1 Lapsed for eff2: error of c1 "the outcome of this call is unknown, and nobody said what became of it in time"
      + turn.resumed turn1
      + effect.requested eff3 model alpha (0) over 3, ReadOnly
      ! eff3 #1 model alpha with 3 items, 10 tools
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 11 entries, due t+608400001
    "#);
}

#[test]
fn the_rule_is_to_report() {
    insta::assert_snapshot!(tell_from(ruled(UnknownRule::Report), [
        input("go"),
        model([call("c1", "pay")]),
    ], [
        tool_error("c1", Maybe, true),
    ]), @r#"
    > c1 fails, world Maybe, retryable true
      + effect.unknown eff2 #1 "it broke": error of c1 "the outcome of this call is unknown: it broke; it may have taken effect"
      + effect.requested eff3 model alpha (0) over 3, ReadOnly
      ! eff3 #1 model alpha with 3 items, 10 tools
      = in_progress, 8 entries, due t+3600001
    "#);
}

#[test]
fn the_rule_is_to_retry_while_attempts_last() {
    insta::assert_snapshot!(tell_from(ruled(UnknownRule::Retry), lost("pay"), [
        tool_error("c1", Maybe, false),
        tool_error("c1", Maybe, false),
    ]), @r#"
    > c1 fails, world Maybe, retryable false
      + effect.unknown eff2 #2 "it broke": retry
      + effect.attempted eff2 #3
      ! eff2 #3 tool srv/pay{} for ann
      = in_progress, 10 entries, due t+3600001
    > c1 fails, world Maybe, retryable false
      + effect.unknown eff2 #3 "it broke": error of c1 "the outcome of this call is unknown: it broke; it may have taken effect"
      + effect.requested eff3 model alpha (0) over 3, ReadOnly
      ! eff3 #1 model alpha with 3 items, 10 tools
      = in_progress, 12 entries, due t+3600001
    "#);
}

#[test]
fn a_retry_that_fails_without_effect_leaves_the_first_attempt_unknown() {
    insta::assert_snapshot!(tell_from(ruled(UnknownRule::Retry), lost("pay"), [
        tool_error("c1", No, false),
    ]), @r#"
    > c1 fails, world No, retryable false
      + effect.failed eff2 #2 tool_unavailable "it broke", world Maybe: error of c1 "the tool failed: it broke; the call may have taken effect"
      + effect.requested eff3 model alpha (0) over 3, ReadOnly
      ! eff3 #1 model alpha with 3 items, 10 tools
      = in_progress, 10 entries, due t+3600001
    "#);
}

#[test]
fn a_failure_without_effect_is_no_unknown_outcome() {
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go"), model([call("c1", "pay")])], [
        tool_error("c1", No, true),
        tick(1_000),
        tool_error("c1", No, false),
    ]), @r#"
    > c1 fails, world No, retryable true
      + effect.failed eff2 #1 tool_unavailable "it broke", world No: again at t+153
      = in_progress, 7 entries, due t+153
    > tick after 1000
      + effect.attempted eff2 #2
      ! eff2 #2 tool srv/pay{} for ann
      = in_progress, 8 entries, due t+3600001
    > c1 fails, world No, retryable false
      + effect.failed eff2 #2 tool_unavailable "it broke", world No: error of c1 "the tool failed: it broke"
      + effect.requested eff3 model alpha (0) over 3, ReadOnly
      ! eff3 #1 model alpha with 3 items, 10 tools
      = in_progress, 10 entries, due t+3600001
    "#);
}

#[test]
fn a_call_that_may_be_repeated_is_repeated() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        model([call("c1", "put"), call("c2", "read")]),
    ], [
        tool_error("c1", Maybe, true),
        tool_error("c2", Maybe, false),
        tick(1_000),
        tool_error("c1", No, true),
        tick(1_000),
        tool_error("c1", No, true),
    ]), @r#"
    > c1 fails, world Maybe, retryable true
      + effect.failed eff2 #1 tool_unavailable "it broke", world Maybe: again at t+153
      = in_progress, 7 entries, due t+153
    > c2 fails, world Maybe, retryable false
      + effect.failed eff3 #1 tool_unavailable "it broke", world No: error of c2 "the tool failed: it broke"
      = in_progress, 8 entries, due t+153
    > tick after 1000
      + effect.attempted eff2 #2
      ! eff2 #2 tool srv/put{} for ann
      = in_progress, 9 entries, due t+3600001
    > c1 fails, world No, retryable true
      + effect.failed eff2 #2 tool_unavailable "it broke", world No: again at t+1389
      = in_progress, 10 entries, due t+1389
    > tick after 1000
      + effect.attempted eff2 #3
      ! eff2 #3 tool srv/put{} for ann
      = in_progress, 11 entries, due t+3600001
    > c1 fails, world No, retryable true
      + effect.failed eff2 #3 tool_unavailable "it broke", world Maybe: error of c1 "the tool failed: it broke; the call may have taken effect"
      + effect.requested eff4 model alpha (0) over 5, ReadOnly
      ! eff4 #1 model alpha with 5 items, 10 tools
      = in_progress, 13 entries, due t+3600001
    "#);
}
