//! Learning what tools an agent's sources offer.

use crate::lab::*;

fn unknown_tools() -> Setup {
    Setup { tools: None, ..Setup::default() }
}

#[test]
fn tools_are_learnt_before_the_first_step_and_kept() {
    insta::assert_snapshot!(tell(unknown_tools(), [
        input("go"),
        sources_offer(&tools()),
        model([say("hi")]),
        input("soon after"),
    ]), @r#"
    > input "go"
      + input.received starts turn1 by ann: user "go"
      + effect.requested eff1 sources, ReadOnly
      ! eff1 #1 sources client, srv
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 3 entries, due t+3600001
    > sources offer 10 tools
      + effect.completed eff1 #1: 10 tools
      + effect.requested eff2 model alpha (0) over 1, ReadOnly
      ! eff2 #1 model alpha with 1 items, 10 tools
      = in_progress, 5 entries, due t+3600001
    > model answers
      + effect.completed eff2 #1: [agent "hi"] End
      + turn.ended turn1 completed, 100+10 tokens for 5
      # session idle
      # turn1 completed 2..7
      = idle, 7 entries
    > input "soon after"
      + input.received starts turn2 by ann: user "soon after"
      + effect.requested eff3 model alpha (0) over 3, ReadOnly
      ! eff3 #1 model alpha with 3 items, 10 tools
      # session in_progress
      # turn2 in_progress 8..
      = in_progress, 9 entries, due t+3600004
    "#);
}

#[test]
fn tools_that_were_learnt_long_ago_are_learnt_again_at_a_turns_start() {
    insta::assert_snapshot!(tell_from(unknown_tools(), [
        input("go"),
        sources_offer(&tools()),
        model([say("hi")]),
    ], [
        input("much later").after(300_001),
        sources_offer(&tools()),
        model([call("c1", "read")]),
        tool("c1", "not in the middle of a turn").after(300_001),
    ]), @r#"
    > input "much later"
      + input.received starts turn2 by ann: user "much later"
      + effect.requested eff3 sources, ReadOnly
      ! eff3 #1 sources client, srv
      # session in_progress
      # turn2 in_progress 8..
      = in_progress, 9 entries, due t+3900004
    > sources offer 10 tools
      + effect.completed eff3 #1: 10 tools
      + effect.requested eff4 model alpha (0) over 3, ReadOnly
      ! eff4 #1 model alpha with 3 items, 10 tools
      = in_progress, 11 entries, due t+3900004
    > model answers
      + effect.completed eff4 #1: [call c1 srv/read{}] End
      + effect.requested eff5 tool read for c1, ReadOnly, Allow for:ann
      ! eff5 #1 tool srv/read{} for ann
      = in_progress, 13 entries, due t+3900004
    > c1 answers "not in the middle of a turn"
      + effect.completed eff5 #1: output of c1 "not in the middle of a turn"
      + effect.requested eff6 model alpha (0) over 5, ReadOnly
      ! eff6 #1 model alpha with 5 items, 10 tools
      = in_progress, 15 entries, due t+3900004
    "#);
}

#[test]
fn tools_of_the_client_alone_are_known() {
    let (agent, tools) = client_only();
    let setup = Setup { agent, tools: Some(tools), ..Setup::default() };
    insta::assert_snapshot!(tell(setup, [input("go").after(1_000_000)]), @r#"
    > input "go"
      + input.received starts turn1 by ann: user "go"
      + effect.requested eff1 model alpha (0) over 1, ReadOnly
      ! eff1 #1 model alpha with 1 items, 1 tools
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 3 entries, due t+4600000
    "#);
}

#[test]
fn sources_that_fail_in_passing_are_asked_again() {
    insta::assert_snapshot!(tell_from(unknown_tools(), [input("go")], [
        sources_fail(true),
        tick(1_000),
        sources_fail(true),
        tick(1_000),
        sources_fail(true),
        input("and the session is usable"),
        sources_offer(&tools()),
    ]), @r#"
    > sources fail, retryable true
      + effect.failed eff1 #1 tool_unavailable "it broke", world No: again at t+171
      = in_progress, 4 entries, due t+171
    > tick after 1000
      + effect.attempted eff1 #2
      ! eff1 #2 sources client, srv
      = in_progress, 5 entries, due t+3600001
    > sources fail, retryable true
      + effect.failed eff1 #2 tool_unavailable "it broke", world No: again at t+1394
      = in_progress, 6 entries, due t+1394
    > tick after 1000
      + effect.attempted eff1 #3
      ! eff1 #3 sources client, srv
      = in_progress, 7 entries, due t+3600001
    > sources fail, retryable true
      + effect.failed eff1 #3 tool_unavailable "it broke", world No: for good
      + turn.ended turn1 failed, tool_unavailable "it broke", 0+0 tokens
      # session idle
      # turn1 failed 2..9
      = idle, 9 entries
    > input "and the session is usable"
      + input.received starts turn2 by ann: user "and the session is usable"
      + effect.requested eff2 sources, ReadOnly
      ! eff2 #1 sources client, srv
      # session in_progress
      # turn2 in_progress 10..
      = in_progress, 11 entries, due t+3602005
    > sources offer 10 tools
      + effect.completed eff2 #1: 10 tools
      + effect.requested eff3 model alpha (0) over 2, ReadOnly
      ! eff3 #1 model alpha with 2 items, 10 tools
      = in_progress, 13 entries, due t+3602005
    "#);
}

#[test]
fn sources_that_fail_for_good_fail_the_turn() {
    insta::assert_snapshot!(tell_from(unknown_tools(), [input("go")], [sources_fail(false)]), @r#"
    > sources fail, retryable false
      + effect.failed eff1 #1 tool_unavailable "it broke", world No: for good
      + turn.ended turn1 failed, tool_unavailable "it broke", 0+0 tokens
      # session idle
      # turn1 failed 2..5
      = idle, 5 entries
    "#);
}
