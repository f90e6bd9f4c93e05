//! Resets of a machine, as calls tell of them.

use super::{MachineState, WorkspaceState};
use crate::port::{MachineSeen, Readiness};

/// How many resets are counted when calls that were asked for at these entries end, in their order, each
/// having seen that so many calls were lost. The first ends at entry 20.
fn check(calls: &[(u64, u32)], expected: u32) {
    let mut workspace =
        WorkspaceState { machine: MachineState::Connected, ..WorkspaceState::default() };
    for ((asked_seq, lost_calls), seq) in calls.iter().copied().zip(20..) {
        let seen = MachineSeen::Ready(Readiness::Restored { lost_calls });
        if let Some(news) = workspace.news(&seen, asked_seq) {
            workspace.told(&news, seq);
        }
    }
    assert_eq!(workspace.reset_count, expected, "{calls:?}");
}

#[test]
fn calls_side_by_side_see_one_reset() {
    check(&[(10, 1)], 1);
    check(&[(10, 1), (11, 1)], 1);
    check(&[(10, 1), (11, 1), (12, 1)], 1);
    // Asked for after the reset was told, or with another loss: the machine was lost again.
    check(&[(10, 1), (21, 1)], 2);
    check(&[(10, 1), (11, 2)], 2);
}
