//! What operators do with the session's machine.

use mainstay_core::fact::SandboxOperation;

use crate::lab::*;

#[test]
fn what_an_operator_does_is_counted_and_told() {
    insta::assert_snapshot!(tell_from(Setup::default().machine(), [
        input("go"),
        model([call("c1", "run")]),
        tool("c1", "made"),
        model([say("done")]),
        saved("root1"),
    ], [
        operate("a command", operator_runs()),
        operate("its end", operator_ran()),
        saved("root2"),
        operate("set back", set_back("root1", 11)),
        input("again"),
        model([call("c2", "run")]),
        operate("remove under a turn", SandboxOperation::Removed),
    ]), @r#"
    > a command
      + sandbox.operated ExecBegun { effect: eff_operator, argv: ["true"], cwd: "/workspace", has_terminal: false }
      # session idle
      = idle, 13 entries
    > its end
      + sandbox.operated ExecEnded { effect: eff_operator, end: Some(Exited { code: 0 }), error: None }
      + effect.requested eff5 checkpoint, Idempotent
      ! eff5 #1 checkpoint, connections after 3
      # session idle
      = idle, 15 entries
    > machine saved as root2
      + effect.completed eff5 #1: saved root2
      # session idle
      = idle, 16 entries
    > set back
      + sandbox.operated Restored { seq: 11, checkpoint: Checkpoint { workspace: "root1", file_count: 2, size_bytes: 10, written_bytes: 4 }, lost_calls: 1 }
      # session idle
      = idle, 17 entries
    > input "again"
      + input.received starts turn2 by ann: user "again"
      + effect.requested eff6 model alpha (0) over 5, ReadOnly
      ! eff6 #1 model alpha with 5 items, 14 tools
      # session in_progress
      # turn2 in_progress 18..
      = in_progress, 19 entries, due t+3600010
    > model answers
      + effect.completed eff6 #1: [call c2 shell/run{}] End
      + effect.requested eff7 tool run for c2, Once, Allow for:ann
      + effect.attempted eff7 #1
      ! eff7 #1 tool shell/run{} for ann in a machine from root1, 1 calls since
      = in_progress, 22 entries, due t+3600010
    > remove under a turn
      refused: conflict: the machine is in use by a turn; wait for it, or cancel it
    "#);
}
