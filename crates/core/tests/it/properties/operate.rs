//! What an operator could do next with the session's machine.

use mainstay_core::fact::SandboxOperation;
use mainstay_core::session::{Command, SessionState};
use mainstay_protocol::EffectId;

use super::random::Dice;

pub(super) fn operate(dice: &mut Dice, state: &SessionState) -> Command {
    let last = state.workspace.checkpoint.as_deref().cloned();
    let operation = match (dice.below(4), last) {
        (0, Some(checkpoint)) => SandboxOperation::Restored {
            seq: state.workspace.checkpoint_seq,
            checkpoint,
            lost_calls: dice.below(5),
        },
        (1, _) => SandboxOperation::Removed,
        (2, _) => SandboxOperation::ExecEnded {
            effect: EffectId::parse("eff_operator").expect("an id"),
            end: None,
            error: Some("the operator left".to_owned()),
        },
        (_, _) => SandboxOperation::ExecBegun {
            effect: EffectId::parse("eff_operator").expect("an id"),
            argv: vec!["true".to_owned()],
            cwd: "/workspace".to_owned(),
            has_terminal: dice.one_in(2),
        },
    };
    Command::Operate { operation, as_of: dice.one_in(2).then_some(state.seq) }
}
