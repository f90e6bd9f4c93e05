//! Subagents: waiting for them, what they cost, closing them.

use mainstay_core::effect::EffectAnswer;
use mainstay_core::session::Command;
use mainstay_protocol::{SessionId, Usage};

use crate::lab::*;

const WAIT: &str = "{\"subagent_ids\":[\"ses_a\"]}";

fn waiting() -> [Step; 2] {
    [input("go"), model([call_with("c1", "wait_for_subagents", WAIT)])]
}

/// The runtime found nothing to tell of a wait.
fn parked(call: &'static str, wait_ms: u64) -> Step {
    step(format!("{call} is parked for {wait_ms}"), move |world| {
        let effect = world.effect_of(call);
        let attempt = world.state.effects[&effect].attempt;
        let until_ms = START_MS + wait_ms;
        vec![Command::Answer { effect, attempt, answer: EffectAnswer::Parked { until_ms } }]
    })
}

/// A subagent came to rest.
fn report(subagent: &'static str, cost: u64) -> Step {
    step(format!("{subagent} reports {cost}"), move |_| {
        let usage = Usage { input_tokens: cost, cost_microusd: Some(cost), ..Usage::default() };
        let subagent = SessionId::parse(subagent).expect("a plain id");
        vec![Command::SubagentReport { subagent, total: Some(usage) }]
    })
}

fn command(label: &'static str, command: Command) -> Step {
    step(label, move |_| vec![command.clone()])
}

#[test]
fn a_wait_needs_no_process_and_goes_on_when_its_subagent_rests() {
    insta::assert_snapshot!(tell_from(
        Setup::default().subagents(),
        waiting(),
        [
            parked("c1", 600_000),
            report("ses_other", 1),
            report("ses_a", 5),
            report("ses_a", 5),
            tool("c1", "{}"),
            model([say("done")]),
        ]
    ));
}

#[test]
fn a_report_that_comes_while_a_wait_looks_makes_it_look_again() {
    insta::assert_snapshot!(tell_from(
        Setup::default().subagents(),
        waiting(),
        [report("ses_a", 5),]
    ));
}

#[test]
fn a_wait_looks_again_when_its_time_is_over() {
    insta::assert_snapshot!(tell_from(
        Setup::default().subagents(),
        waiting(),
        [parked("c1", 600_000), tick(10_000_000),]
    ));
}

#[test]
fn what_subagents_cost_counts_against_the_limit() {
    let setup = Setup { spend_limit_microusd: Some(30), ..Setup::default() }.subagents();
    insta::assert_snapshot!(tell_from(
        setup,
        waiting(),
        [parked("c1", 600_000), report("ses_a", 25), tool("c1", "{}"),]
    ));
}

#[test]
fn who_speaks_to_a_turn_that_waits_is_heard() {
    insta::assert_snapshot!(tell_from(
        Setup::default().subagents(),
        waiting(),
        [parked("c1", 600_000), input("stop waiting"), tool("c1", "{}"),]
    ));
}

#[test]
fn cancelling_a_turn_ends_its_wait() {
    insta::assert_snapshot!(tell_from(
        Setup::default().subagents(),
        waiting(),
        [parked("c1", 600_000), command("cancel", Command::Cancel),]
    ));
}

#[test]
fn a_closed_subagent_takes_no_input_until_it_is_opened_again() {
    insta::assert_snapshot!(tell_from(
        Setup::default().child(),
        [input("go")],
        [
            command("close", Command::Close),
            command("close again", Command::Close),
            input("more"),
            command("reopen", Command::Reopen),
            input("more"),
        ]
    ));
}

#[test]
fn a_session_that_nobody_made_is_not_closed() {
    insta::assert_snapshot!(tell(Setup::default(), [command("close", Command::Close)]));
}
