//! Sessions that are deleted or fail, and commands to sessions that are not there.

use mainstay_core::fact::SpendLimit::Unlimited;
use mainstay_core::session::Command;

use crate::lab::*;

#[test]
fn a_session_at_rest_can_be_deleted_and_is_gone() {
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go")], [
        delete(),
        model([say("hi")]),
        delete(),
        input("more"),
        cancel(),
        result("c1", "one"),
        update_limit(Unlimited),
        delete(),
        fail("too late"),
        tick(1),
        recover(),
    ]), @r#"
    > delete
      refused: conflict: the session has an active turn, which must be cancelled before the session is deleted
    > model answers
      + effect.completed eff1 #1: [agent "hi"] End
      + turn.ended turn1 completed, 100+10 tokens for 5
      # session idle
      # turn1 completed 2..5
      = idle, 5 entries
    > delete
      + session.deleted
      # sessions deleted
      # session_configs deleted
      = idle, 6 entries
    > input "more"
      refused: not_found: session ses_1 does not exist
    > cancel
      refused: not_found: session ses_1 does not exist
    > client brings "one" for c1
      refused: not_found: session ses_1 does not exist
    > update spend limit to Unlimited
      refused: not_found: session ses_1 does not exist
    > delete
      refused: not_found: session ses_1 does not exist
    > fail "too late"
      = idle, 6 entries
    > tick after 1
      = idle, 6 entries
    > recover
      = idle, 6 entries
    "#);
}

#[test]
fn cancelled_and_deleted_in_one_decision() {
    insta::assert_snapshot!(tell_from(Setup::default(), [input("go")], [
        together([cancel(), delete()]),
    ]), @r#"
    > cancel and delete
      + effect.failed eff1 #1 conflict "the turn was cancelled", world No: for good
      + turn.ended turn1 cancelled, 0+0 tokens
      + session.deleted
      - eff1
      # sessions deleted
      # session_configs deleted
      = idle, 6 entries
    "#);
}

#[test]
fn a_session_that_fails_ends_its_turns_and_takes_no_more_input() {
    insta::assert_snapshot!(tell_from(Setup::default(), [
        input("go"),
        model([call("c1", "read"), call("c2", "pay")]),
        input("more"),
        queue("next"),
    ], [
        fail("it kept crashing"),
        input("more"),
        result("c1", "one"),
        tool_again("too late"),
        fail("again"),
        recover(),
        tick(1_000_000),
        update_limit(Unlimited),
        delete(),
    ]), @r#"
    > fail "it kept crashing"
      + effect.failed eff2 #1 conflict "the session failed", world No: error of c1 "the session failed; this call has no result"
      + effect.unknown eff3 #1 "the session failed": error of c2 "the session failed before this call had a result; it may have taken effect"
      + turn.ended turn1 failed, internal "it kept crashing", 100+10 tokens for 5
      + session.failed internal "it kept crashing"
      - eff2
      - eff3
      # session failed
      # turn1 failed 2..12
      # turn2 failed 9..13
      = failed, 13 entries, 1 queued
    > input "more"
      refused: session_failed: the session failed: it kept crashing
    > client brings "one" for c1
      refused: session_failed: the session failed: it kept crashing
    > the last tool call answers "too late" again
      = failed, 13 entries, 1 queued
    > fail "again"
      = failed, 13 entries, 1 queued
    > recover
      = failed, 13 entries, 1 queued
    > tick after 1000000
      = failed, 13 entries, 1 queued
    > update spend limit to Unlimited
      + session.updated spend limit Unlimited
      # session failed
      # session_configs
      = failed, 14 entries, 1 queued
    > delete
      + session.deleted
      # sessions deleted
      # session_configs deleted
      = failed, 15 entries, 1 queued
    "#);
}

#[test]
fn a_session_at_rest_can_fail() {
    insta::assert_snapshot!(tell(Setup::default(), [fail("its journal cannot be read")]), @r#"
    > fail "its journal cannot be read"
      + session.failed internal "its journal cannot be read"
      # session failed
      = failed, 2 entries
    "#);
}

#[test]
fn nothing_happens_to_a_session_that_was_never_created() {
    let commands = [
        Command::Cancel,
        Command::Delete,
        Command::Tick,
        Command::Recover,
        Command::Fail { code: mainstay_protocol::ErrorCode::Internal, message: String::new() },
    ];
    let told = commands.map(|command| {
        let name = format!("{command:?}");
        let result = World::new(FakeRules::default()).decide(vec![command]);
        match result {
            Ok(decision) => {
                format!("{name}: {} facts, {} rows", decision.facts.len(), decision.rows.len())
            }
            Err(rejected) => format!("{name}: {rejected}"),
        }
    });
    insta::assert_snapshot!(told.join("\n"), @r#"
    Cancel: not_found: session ses_1 does not exist
    Delete: not_found: session ses_1 does not exist
    Tick: 0 facts, 0 rows
    Recover: 0 facts, 0 rows
    Fail { code: Internal, message: "" }: 0 facts, 0 rows
    "#);
}

#[test]
fn a_session_is_created_once() {
    let mut world = World::created(Setup::default());
    let rejected = world.decide(vec![World::create(Setup::default())]).expect_err("it is there");
    insta::assert_snapshot!(rejected.to_string(), @"
    conflict: session ses_1 exists already
    ");
}
