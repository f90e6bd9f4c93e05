//! New settings, also in the middle of a turn: what began under the old ones ends under them.

use mainstay_core::agent::AgentDefinition;
use mainstay_core::port::{ModelErrorKind, WorldChange};
use mainstay_core::session::ApprovalAnswer::Approve;

use crate::lab::*;

fn other_model(name: &str) -> AgentDefinition {
    AgentDefinition { revision: 2, model: name.to_owned(), fallback_models: vec![], ..agent() }
}

#[test]
fn another_model_is_asked_from_the_next_step_on() {
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go")], [
        update_agent(other_model("gamma"), Some(tools())),
        model([call("c1", "read")]),
        tool("c1", "one"),
    ]), @r#"
    > update to agent revision 2
      + session.updated agent revision 2
      # session in_progress
      # session_configs
      = in_progress, 4 entries, due t+3600001
    > model answers
      + effect.completed eff1 #1: [call c1 srv/read{}] End
      + effect.requested eff2 tool read for c1, ReadOnly, Allow for:ann
      ! eff2 #1 tool srv/read{} for ann
      = in_progress, 6 entries, due t+3600001
    > c1 answers "one"
      + effect.completed eff2 #1: output of c1 "one"
      + effect.requested eff3 model gamma (0) over 3, ReadOnly
      ! eff3 #1 model gamma with 3 items, 10 tools
      = in_progress, 8 entries, due t+3600001
    "#);
}

#[test]
fn a_new_route_is_tried_from_its_beginning() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        model_error(ModelErrorKind::Invalid),
    ], [
        update_agent(other_model("gamma"), Some(tools())),
        model_error(ModelErrorKind::Invalid),
        model_error(ModelErrorKind::Invalid),
    ]), @r#"
    > update to agent revision 2
      + session.updated agent revision 2
      # session in_progress
      # session_configs
      = in_progress, 6 entries, due t+3600001
    > model fails: Invalid
      + effect.failed eff2 #1 model_invalid "it is Invalid", world No: for good
      + effect.requested eff3 model gamma (0) over 1, ReadOnly
      ! eff3 #1 model gamma with 1 items, 10 tools
      = in_progress, 8 entries, due t+3600001
    > model fails: Invalid
      + effect.failed eff3 #1 model_invalid "it is Invalid", world No: for good
      + turn.ended turn1 failed, model_invalid "it is Invalid", 0+0 tokens
      # session idle
      # turn1 failed 2..10
      = idle, 10 entries
    "#);
}

#[test]
fn calls_of_the_step_mean_the_tools_that_it_was_offered() {
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go")], [
        update_agent(remote_only(), None),
        model([call("c1", "read"), call("c2", "lookup"), call("c3", "put"), call("c4", "ask_lookup")]),
        tool_error("c3", WorldChange::No, true),
        tick(1_000),
        recover(),
        person("c4", Approve),
    ]), @r#"
    > update to agent revision 2
      + session.updated agent revision 2
      # session in_progress
      # session_configs
      = in_progress, 4 entries, due t+3600001
    > model answers
      + effect.completed eff1 #1: [call c1 srv/read{}, call c2 client/lookup{}, call c3 srv/put{}, call c4 client/ask_lookup{}] End
      + effect.requested eff2 tool read for c1, ReadOnly, Allow for:ann
      + effect.requested eff3 tool lookup for c2, Once, Allow for:ann, awaits client
      + effect.requested eff4 tool put for c3, Idempotent, Allow for:ann
      + effect.requested eff5 tool ask_lookup for c4, Once, Ask for:ann, awaits approval apr1
      ! eff2 #1 tool srv/read{} for ann
      ! eff4 #1 tool srv/put{} for ann
      # session in_progress, result of c2 lookup, approval apr1 of c4 /ask_lookup
      = in_progress, 9 entries, due t+3600001
    > c3 fails, world No, retryable true
      + effect.failed eff4 #1 tool_unavailable "it broke", world No: again at t+213
      = in_progress, 10 entries, due t+213
    > tick after 1000
      + effect.attempted eff4 #2
      ! eff4 #2 tool srv/put{} for ann
      = in_progress, 11 entries, due t+3600001
    > recover
      + effect.attempted eff2 #2
      + effect.attempted eff4 #3
      ! eff2 #2 tool srv/read{} for ann
      ! eff4 #3 tool srv/put{} for ann
      = in_progress, 13 entries, due t+3600001
    > a person answers for c4: Approve
      + approval.resolved apr1 Approve for eff5
      # session in_progress, result of c2 lookup, result of c4 ask_lookup
      = in_progress, 14 entries, due t+3600001
    "#);
}

#[test]
fn a_further_attempt_of_the_step_offers_the_same() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        model_error(ModelErrorKind::Unavailable),
    ], [
        update_agent(remote_only(), None),
        tick(1_000),
        model([call("c1", "read")]),
        tool("c1", "one"),
        sources_offer(&client_only().1),
    ]), @r#"
    > update to agent revision 2
      + session.updated agent revision 2
      # session in_progress
      # session_configs
      = in_progress, 5 entries, due t+171
    > tick after 1000
      + effect.attempted eff1 #2
      ! eff1 #2 model alpha with 1 items, 10 tools
      = in_progress, 6 entries, due t+3600001
    > model answers
      + effect.completed eff1 #2: [call c1 srv/read{}] End
      + effect.requested eff2 tool read for c1, ReadOnly, Allow for:ann
      ! eff2 #1 tool srv/read{} for ann
      = in_progress, 8 entries, due t+3600001
    > c1 answers "one"
      + effect.completed eff2 #1: output of c1 "one"
      + effect.requested eff3 sources, ReadOnly
      ! eff3 #1 sources other
      = in_progress, 10 entries, due t+3600001
    > sources offer 1 tools
      + effect.completed eff3 #1: 1 tools
      + effect.requested eff4 model alpha (0) over 3, ReadOnly
      ! eff4 #1 model alpha with 3 items, 1 tools
      = in_progress, 12 entries, due t+3600001
    "#);
}

#[test]
fn sources_that_are_being_asked_are_asked_anew() {
    let setup = Setup { tools: None, ..Setup::default() };
    insta::assert_snapshot!(tell_from(setup, [input("go")], [
        update_agent(remote_only(), None),
        sources_offer_late(&tools()),
        sources_offer(&client_only().1),
    ]), @"
    > update to agent revision 2
      + session.updated agent revision 2
      + effect.attempted eff1 #2
      - eff1
      ! eff1 #2 sources other
      # session in_progress
      # session_configs
      = in_progress, 5 entries, due t+3600001
    > sources offer tools, late
      = in_progress, 5 entries, due t+3600001
    > sources offer 1 tools
      + effect.completed eff1 #2: 1 tools
      + effect.requested eff2 model alpha (0) over 1, ReadOnly
      ! eff2 #1 model alpha with 1 items, 1 tools
      = in_progress, 7 entries, due t+3600001
    ");
}

#[test]
fn at_rest_the_next_turn_has_the_new_agent() {
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go"), model([say("hi")])], [
        update_agent(remote_only(), None),
        input("next"),
    ]), @r#"
    > update to agent revision 2
      + session.updated agent revision 2
      # session idle
      # session_configs
      = idle, 6 entries
    > input "next"
      + input.received starts turn2 by ann: user "next"
      + effect.requested eff2 sources, ReadOnly
      ! eff2 #1 sources other
      # session in_progress
      # turn2 in_progress 7..
      = in_progress, 8 entries, due t+3600004
    "#);
}

#[test]
fn limits_count_at_once() {
    let mut limited = other_model("alpha");
    limited.limits.max_wall_ms = 10;
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go")], [
        update_agent(limited, Some(tools())),
        tick(10),
    ]), @r#"
    > update to agent revision 2
      + session.updated agent revision 2
      # session in_progress
      # session_configs
      = in_progress, 4 entries, due t+11
    > tick after 10
      + effect.failed eff1 #1 conflict "the turn reached its time limit", world No: for good
      + turn.ended turn1 failed, limit_reached "the turn reached its limit of 10 ms", 0+0 tokens
      - eff1
      # session idle
      # turn1 failed 2..6
      = idle, 6 entries
    "#);
}
