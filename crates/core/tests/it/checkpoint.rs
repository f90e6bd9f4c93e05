//! Saving the session's machine: before a turn ends, while it waits, on demand.

use mainstay_core::port::SandboxError;
use mainstay_core::session::ApprovalAnswer;

use crate::lab::*;

fn broken() -> SandboxError {
    SandboxError::Broken("it does not answer".to_owned())
}

fn machine() -> Setup {
    Setup::default().machine()
}

#[test]
fn a_turn_that_used_the_machine_ends_when_it_is_saved() {
    insta::assert_snapshot!(tell_from(machine(), [input("go")], [
        model([call("c1", "run"), call("c2", "write_file")]),
        tool("c1", "made"),
        tool("c2", "written"),
        model([say("done")]),
        saved("root1"),
        input("again"),
        model([call("c3", "run")]),
    ]), @r#"
    > model answers
      + effect.completed eff1 #1: [call c1 shell/run{}, call c2 files/write_file{}] End
      + effect.requested eff2 tool run for c1, Once, Allow for:ann
      + effect.attempted eff2 #1
      + effect.requested eff3 tool write_file for c2, Idempotent, Allow for:ann
      ! eff2 #1 tool shell/run{} for ann in a machine from nothing, 0 calls since
      ! eff3 #1 tool files/write_file{} for ann in a machine from nothing, 0 calls since
      = in_progress, 7 entries, due t+3600001
    > c1 answers "made"
      + effect.completed eff2 #1: output of c1 "made"
      = in_progress, 8 entries, due t+3600001
    > c2 answers "written"
      + effect.completed eff3 #1: output of c2 "written"
      + effect.requested eff4 model alpha (0) over 5, ReadOnly
      ! eff4 #1 model alpha with 5 items, 14 tools
      = in_progress, 10 entries, due t+3600001
    > model answers
      + effect.completed eff4 #1: [agent "done"] End
      + effect.requested eff5 checkpoint, Idempotent
      ! eff5 #1 checkpoint, connections after 0
      = in_progress, 12 entries
    > machine saved as root1
      + effect.completed eff5 #1: saved root1
      + turn.ended turn1 completed, 200+20 tokens for 10
      # session idle
      # turn1 completed 2..14
      = idle, 14 entries
    > input "again"
      + input.received starts turn2 by ann: user "again"
      + effect.requested eff6 model alpha (0) over 7, ReadOnly
      ! eff6 #1 model alpha with 7 items, 14 tools
      # session in_progress
      # turn2 in_progress 15..
      = in_progress, 16 entries, due t+3600007
    > model answers
      + effect.completed eff6 #1: [call c3 shell/run{}] End
      + effect.requested eff7 tool run for c3, Once, Allow for:ann
      + effect.attempted eff7 #1
      ! eff7 #1 tool shell/run{} for ann in a machine from root1, 0 calls since
      = in_progress, 19 entries, due t+3600007
    "#);
}

#[test]
fn a_turn_that_changed_nothing_in_the_machine_saves_nothing() {
    insta::assert_snapshot!(tell_from(machine(), [input("go")], [
        model([call("c1", "read_file"), call("c2", "pay")]),
        tool("c1", "text"),
        tool("c2", "paid"),
        model([say("done")]),
    ]), @r#"
    > model answers
      + effect.completed eff1 #1: [call c1 files/read_file{}, call c2 srv/pay{}] End
      + effect.requested eff2 tool read_file for c1, ReadOnly, Allow for:ann
      + effect.requested eff3 tool pay for c2, Once, Allow for:ann
      + effect.attempted eff3 #1
      ! eff2 #1 tool files/read_file{} for ann in a machine from nothing, 0 calls since
      ! eff3 #1 tool srv/pay{} for ann
      = in_progress, 7 entries, due t+3600001
    > c1 answers "text"
      + effect.completed eff2 #1: output of c1 "text"
      = in_progress, 8 entries, due t+3600001
    > c2 answers "paid"
      + effect.completed eff3 #1: output of c2 "paid"
      + effect.requested eff4 model alpha (0) over 5, ReadOnly
      ! eff4 #1 model alpha with 5 items, 14 tools
      = in_progress, 10 entries, due t+3600001
    > model answers
      + effect.completed eff4 #1: [agent "done"] End
      + turn.ended turn1 completed, 200+20 tokens for 10
      # session idle
      # turn1 completed 2..12
      = idle, 12 entries
    "#);
}

#[test]
fn a_checkpoint_that_fails_does_not_fail_its_turn_and_the_next_turn_tries_again() {
    let before =
        [input("go"), model([call("c1", "run")]), tool("c1", "made"), model([say("done")])];
    insta::assert_snapshot!(tell_from(machine(), before, [
        save_fails(broken()),
        tick(400),
        save_fails(SandboxError::Unavailable("there is none".to_owned())),
        input("again"),
        model([say("hello")]),
        nothing_saved(),
    ]), @r#"
    > saving fails: the sandbox is broken: it does not answer
      + effect.failed eff4 #1 tool_unavailable "the workspace could not be saved: the sandbox is broken: it does not answer", world No: again at t+144
      = in_progress, 11 entries, due t+144
    > tick after 400
      + effect.attempted eff4 #2
      ! eff4 #2 checkpoint, connections after 0
      = in_progress, 12 entries
    > saving fails: no isolated compute is available: there is none
      + effect.failed eff4 #2 tool_unavailable "the workspace could not be saved: no isolated compute is available: there is none", world No: for good
      + turn.ended turn1 completed, 200+20 tokens for 10
      # session idle
      # turn1 completed 2..14
      = idle, 14 entries
    > input "again"
      + input.received starts turn2 by ann: user "again"
      + effect.requested eff5 model alpha (0) over 5, ReadOnly
      ! eff5 #1 model alpha with 5 items, 14 tools
      # session in_progress
      # turn2 in_progress 15..
      = in_progress, 16 entries, due t+3600407
    > model answers
      + effect.completed eff5 #1: [agent "hello"] End
      + effect.requested eff6 checkpoint, Idempotent
      ! eff6 #1 checkpoint, connections after 0
      = in_progress, 18 entries
    > there is no machine to save
      + effect.completed eff6 #1: nothing saved
      + turn.ended turn2 completed, 100+10 tokens for 5
      # session idle
      # turn2 completed 15..20
      = idle, 20 entries
    "#);
}

#[test]
fn a_turn_that_waits_for_long_is_saved_meanwhile() {
    let before = [input("go"), model([call("c1", "run")]), tool("c1", "made")];
    insta::assert_snapshot!(tell_from(machine(), before, [
        model([call("c2", "ask_run"), call("c3", "lookup")]),
        tick(10_000),
        result("c3", "found"),
        saved("root1"),
        person("c2", ApprovalAnswer::Approve),
        tool("c2", "made more"),
    ]), @r#"
    > model answers
      + effect.completed eff3 #1: [call c2 shell/ask_run{}, call c3 client/lookup{}] End
      + effect.requested eff4 tool ask_run for c2, Once, Ask for:ann, awaits approval apr1
      + effect.requested eff5 tool lookup for c3, Once, Allow for:ann, awaits client
      + turn.waiting turn1 for approval apr1 of c2 shell/ask_run, result of c3 lookup
      # session requires_action, approval apr1 of c2 shell/ask_run, result of c3 lookup
      # turn1 waiting 2..
      = requires_action, 12 entries, due t+10004
    > tick after 10000
      + effect.requested eff6 checkpoint, Idempotent
      ! eff6 #1 checkpoint, connections after 0
      = requires_action, 13 entries, due t+604800004
    > client brings "found" for c3
      + effect.completed eff5 #1: output of c3 "found"
      # session requires_action, approval apr1 of c2 shell/ask_run
      = requires_action, 14 entries, due t+604800004
    > machine saved as root1
      + effect.completed eff6 #1: saved root1
      # session requires_action, approval apr1 of c2 shell/ask_run
      = requires_action, 15 entries, due t+604800004
    > a person answers for c2: Approve
      + approval.resolved apr1 Approve for eff4
      + effect.attempted eff4 #1
      + turn.resumed turn1
      ! eff4 #1 tool shell/ask_run{} for ann in a machine from root1, 0 calls since
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 18 entries, due t+3610004
    > c2 answers "made more"
      + effect.completed eff4 #1: output of c2 "made more"
      + effect.requested eff7 model alpha (0) over 7, ReadOnly
      ! eff7 #1 model alpha with 7 items, 14 tools
      = in_progress, 20 entries, due t+3610004
    "#);
}

#[test]
fn a_call_that_ends_while_the_machine_is_saved_is_not_counted_as_saved() {
    let before = [
        input("go"),
        model([call("c1", "run")]),
        tool("c1", "made"),
        model([call("c2", "ask_run"), call("c3", "lookup")]),
        tick(10_000),
    ];
    insta::assert_snapshot!(tell_from(machine(), before, [
        person("c2", ApprovalAnswer::Approve),
        tool("c2", "made more"),
        saved("root1"),
        result("c3", "found"),
        model([say("done")]),
    ]), @r#"
    > a person answers for c2: Approve
      + approval.resolved apr1 Approve for eff4
      + effect.attempted eff4 #1
      + turn.resumed turn1
      ! eff4 #1 tool shell/ask_run{} for ann in a machine from nothing, 1 calls since
      # session in_progress, result of c3 lookup
      # turn1 in_progress 2..
      = in_progress, 16 entries, due t+3610002
    > c2 answers "made more"
      + effect.completed eff4 #1: output of c2 "made more"
      + turn.waiting turn1 for result of c3 lookup
      # session requires_action, result of c3 lookup
      # turn1 waiting 2..
      = requires_action, 18 entries
    > machine saved as root1
      + effect.completed eff6 #1: saved root1
      # session requires_action, result of c3 lookup
      = requires_action, 19 entries, due t+20006
    > client brings "found" for c3
      + effect.completed eff5 #1: output of c3 "found"
      + turn.resumed turn1
      + effect.requested eff7 model alpha (0) over 7, ReadOnly
      ! eff7 #1 model alpha with 7 items, 14 tools
      # session in_progress
      # turn1 in_progress 2..
      = in_progress, 22 entries, due t+3610004
    > model answers
      + effect.completed eff7 #1: [agent "done"] End
      + effect.requested eff8 checkpoint, Idempotent
      ! eff8 #1 checkpoint, connections after 3
      = in_progress, 24 entries
    "#);
}

#[test]
fn a_turn_that_is_cancelled_is_saved_behind_its_end() {
    let before = [input("go"), model([call("c1", "run")]), tool("c1", "made")];
    insta::assert_snapshot!(tell_from(machine(), before, [
        cancel(),
        input("again"),
        saved("root1"),
    ]), @r#"
    > cancel
      + effect.failed eff3 #1 conflict "the turn was cancelled", world No: for good
      + turn.ended turn1 cancelled, 100+10 tokens for 5
      + effect.requested eff4 checkpoint, Idempotent
      - eff3
      ! eff4 #1 checkpoint, connections after 0
      # session idle
      # turn1 cancelled 2..10
      = idle, 11 entries
    > input "again"
      + input.received starts turn2 by ann: user "again"
      # session in_progress
      # turn2 in_progress 12..
      = in_progress, 12 entries, due t+3600005
    > machine saved as root1
      + effect.completed eff4 #1: saved root1
      + effect.requested eff5 model alpha (0) over 4, ReadOnly
      ! eff5 #1 model alpha with 4 items, 14 tools
      # session in_progress
      = in_progress, 14 entries, due t+3600005
    "#);
}

#[test]
fn a_crash_while_the_machine_is_saved_saves_it_again() {
    let before =
        [input("go"), model([call("c1", "run")]), tool("c1", "made"), model([say("done")])];
    insta::assert_snapshot!(tell_from(machine(), before, [
        recover(),
        saved("root1"),
    ]), @r#"
    > recover
      + effect.attempted eff4 #2
      ! eff4 #2 checkpoint, connections after 0
      = in_progress, 11 entries
    > machine saved as root1
      + effect.completed eff4 #2: saved root1
      + turn.ended turn1 completed, 200+20 tokens for 10
      # session idle
      # turn1 completed 2..13
      = idle, 13 entries
    "#);
}

#[test]
fn a_call_that_a_crash_interrupted_may_have_changed_the_machine() {
    insta::assert_snapshot!(tell_from(machine(), [input("go")], [
        model([call("c1", "write_file")]),
        recover(),
        tool("c1", "written"),
    ]), @r#"
    > model answers
      + effect.completed eff1 #1: [call c1 files/write_file{}] End
      + effect.requested eff2 tool write_file for c1, Idempotent, Allow for:ann
      ! eff2 #1 tool files/write_file{} for ann in a machine from nothing, 0 calls since
      = in_progress, 5 entries, due t+3600001
    > recover
      + effect.attempted eff2 #2
      ! eff2 #2 tool files/write_file{} for ann in a machine from nothing, 1 calls since
      = in_progress, 6 entries, due t+3600001
    > c1 answers "written"
      + effect.completed eff2 #2: output of c1 "written"
      + effect.requested eff3 model alpha (0) over 3, ReadOnly
      ! eff3 #1 model alpha with 3 items, 14 tools
      = in_progress, 8 entries, due t+3600001
    "#);
}

#[test]
fn a_checkpoint_on_demand_is_one_however_often_it_is_asked_for() {
    insta::assert_snapshot!(tell(machine(), [checkpoint(), checkpoint(), saved("root1"), delete()]), @r#"
    > checkpoint
      + effect.requested eff1 checkpoint, Idempotent
      ! eff1 #1 checkpoint, connections after 0
      = idle, 2 entries
    > checkpoint
      = idle, 2 entries
    > machine saved as root1
      + effect.completed eff1 #1: saved root1
      # session idle
      = idle, 3 entries
    > delete
      + session.deleted
      # sessions deleted
      # session_configs deleted
      = idle, 4 entries
    "#);
    insta::assert_snapshot!(tell(Setup::default(), [checkpoint()]), @r#"
    > checkpoint
      refused: invalid_parameter: the session has no environment, so there is nothing to save
    "#);
}

#[test]
fn a_session_is_deleted_while_its_machine_is_saved() {
    insta::assert_snapshot!(tell_from(machine(), [checkpoint()], [delete(), saved("root1")]), @r#"
    > delete
      + session.deleted
      - eff1
      # sessions deleted
      # session_configs deleted
      = idle, 3 entries
    > machine saved as root1
      = idle, 3 entries
    "#);
}
