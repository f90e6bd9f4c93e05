//! Bounds on a turn: reaching one fails the turn and leaves the session usable.

use crate::lab::*;

#[test]
fn model_calls() {
    let setup = Setup::agent(|agent| agent.limits.max_steps = 2);
    insta::assert_snapshot!(tell_from(setup, [
        input("go"),
        model([call("c1", "read")]),
        tool("c1", "one"),
        model([call("c2", "read")]),
    ], [
        tool("c2", "two"),
        input("and the session is usable"),
        model([call("c3", "read")]),
    ]), @r#"
    > c2 answers "two"
      + effect.completed eff4 #1: output of c2 "two"
      + turn.ended turn1 failed, limit_reached "the turn reached its limit of 2 model calls", 200+20 tokens for 10
      # session idle
      # turn1 failed 2..11
      = idle, 11 entries
    > input "and the session is usable"
      + input.received starts turn2 by ann: user "and the session is usable"
      + effect.requested eff5 model alpha (0) over 6, ReadOnly
      ! eff5 #1 model alpha with 6 items, 10 tools
      # session in_progress
      # turn2 in_progress 12..
      = in_progress, 13 entries, due t+3600006
    > model answers
      + effect.completed eff5 #1: [call c3 srv/read{}] End
      + effect.requested eff6 tool read for c3, ReadOnly, Allow for:ann
      ! eff6 #1 tool srv/read{} for ann
      = in_progress, 15 entries, due t+3600006
    "#);
}

#[test]
fn tool_calls_beyond_the_limit_are_not_made() {
    let setup = Setup::agent(|agent| agent.limits.max_tool_calls = 2);
    insta::assert_snapshot!(tell_from(setup, [input("go")], [
        model([call("c1", "read"), call("c2", "fly"), call("c3", "pay")]),
        tool("c1", "one"),
    ]), @r#"
    > model answers
      + effect.completed eff1 #1: [call c1 srv/read{}, call c2 client/fly{}, call c3 srv/pay{}] End
      + effect.requested eff2 tool read for c1, ReadOnly, Allow for:ann
      + call.refused UnknownTool: error of c2 "there is no tool \"fly\"; the tools are: lookup, read, put, pay, send, ask_pay, ask_read, as"… (116 characters)
      + call.refused TooMany: error of c3 "the turn reached its limit of 2 tool calls"
      ! eff2 #1 tool srv/read{} for ann
      = in_progress, 7 entries, due t+3600001
    > c1 answers "one"
      + effect.completed eff2 #1: output of c1 "one"
      + turn.ended turn1 failed, limit_reached "the turn reached its limit of 2 tool calls", 100+10 tokens for 5
      # session idle
      # turn1 failed 2..9
      = idle, 9 entries
    "#);
}

#[test]
fn as_many_tool_calls_as_the_limit_are_made() {
    let setup = Setup::agent(|agent| agent.limits.max_tool_calls = 2);
    insta::assert_snapshot!(tell_from(setup, [
        input("go"),
        model([call("c1", "read"), call("c2", "read")]),
        tool("c1", "one"),
    ], [
        tool("c2", "two"),
        model([say("done")]),
    ]), @r#"
    > c2 answers "two"
      + effect.completed eff3 #1: output of c2 "two"
      + effect.requested eff4 model alpha (0) over 5, ReadOnly
      ! eff4 #1 model alpha with 5 items, 10 tools
      = in_progress, 9 entries, due t+3600001
    > model answers
      + effect.completed eff4 #1: [agent "done"] End
      + turn.ended turn1 completed, 200+20 tokens for 10
      # session idle
      # turn1 completed 2..11
      = idle, 11 entries
    "#);
}

#[test]
fn tokens() {
    let setup = Setup::agent(|agent| agent.limits.max_tokens = 110);
    insta::assert_snapshot!(tell_from(setup, [
        input("go"),
        model([call("c1", "read")]),
    ], [
        tool("c1", "one"),
        input("a new turn counts anew, and an answer is kept"),
        model([say("done")]),
    ]), @r#"
    > c1 answers "one"
      + effect.completed eff2 #1: output of c1 "one"
      + turn.ended turn1 failed, limit_reached "the turn reached its limit of 110 tokens", 100+10 tokens for 5
      # session idle
      # turn1 failed 2..7
      = idle, 7 entries
    > input "a new turn counts anew, and an answer is kept"
      + input.received starts turn2 by ann: user "a new turn counts anew, and an answer is kept"
      + effect.requested eff3 model alpha (0) over 4, ReadOnly
      ! eff3 #1 model alpha with 4 items, 10 tools
      # session in_progress
      # turn2 in_progress 8..
      = in_progress, 9 entries, due t+3600004
    > model answers
      + effect.completed eff3 #1: [agent "done"] End
      + turn.ended turn2 completed, 100+10 tokens for 5
      # session idle
      # turn2 completed 8..11
      = idle, 11 entries
    "#);
}

#[test]
fn wall_time() {
    let setup = Setup::agent(|agent| agent.limits.max_wall_ms = 10_000);
    insta::assert_snapshot!(tell_from(setup, [
        input("go"),
        model([call("c1", "read"), call("c2", "pay"), call("c3", "lookup")]),
        queue("next"),
    ], [
        tick(9_997),
        tick(1),
    ]), @r#"
    > tick after 9997
      = in_progress, 9 entries, 1 queued, due t+10001
    > tick after 1
      + effect.failed eff2 #1 conflict "the turn reached its time limit", world No: error of c1 "the turn reached its time limit; this call has no result"
      + effect.unknown eff3 #1 "the turn reached its time limit": error of c2 "the turn reached its time limit before this call had a result; it may have taken effect"
      + effect.unknown eff4 #1 "the turn reached its time limit": error of c3 "the turn reached its time limit before this call had a result; it may have taken effect"
      + turn.ended turn1 failed, limit_reached "the turn reached its limit of 10000 ms", 100+10 tokens for 5
      + turn.started turn2
      + effect.requested eff5 model alpha (0) over 8, ReadOnly
      - eff2
      - eff3
      ! eff5 #1 model alpha with 8 items, 10 tools
      # session in_progress
      # turn1 failed 2..13
      # turn2 in_progress 9..
      = in_progress, 15 entries, due t+20001
    "#);
}

#[test]
fn wall_time_stands_still_while_the_turn_waits() {
    let setup = Setup::agent(|agent| agent.limits.max_wall_ms = 10_000);
    insta::assert_snapshot!(tell_from(setup, [input("go")], [
        model([call("c1", "lookup")]).after(4_000),
        tick(1_000_000),
        result("c1", "one").after(1_000_000),
        tick(5_999),
        tick(1),
    ]), @r#"
    > model answers
      + effect.completed eff1 #1: [call c1 client/lookup{}] End
      + effect.requested eff2 tool lookup for c1, Once, Allow for:ann, awaits client
      + turn.waiting turn1 for result of c1 lookup
      # session requires_action, result of c1 lookup
      # turn1 waiting 2..
      = requires_action, 6 entries
    > tick after 1000000
      = requires_action, 6 entries
    > client brings "one" for c1
      + effect.completed eff2 #1: output of c1 "one"
      + turn.resumed turn1
      + effect.requested eff3 model alpha (0) over 3, ReadOnly
      ! eff3 #1 model alpha with 3 items, 10 tools
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 9 entries, due t+2010001
    > tick after 5999
      = in_progress, 9 entries, due t+2010001
    > tick after 1
      + effect.failed eff3 #1 conflict "the turn reached its time limit", world No: for good
      + turn.ended turn1 failed, limit_reached "the turn reached its limit of 10000 ms", 100+10 tokens for 5
      - eff3
      # session idle
      # turn1 failed 2..11
      = idle, 11 entries
    "#);
}
