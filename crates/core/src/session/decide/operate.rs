//! What is done with the session's machine beside its turns, or happens to it.
//!
//! Invariant: a machine is not ended under a turn, and a workspace goes back only as far as whoever
//! asked for it has seen the journal; that an executor came or left is told once. Deliberately absent:
//! doing it, which is the runtime's.

use mainstay_protocol::{ErrorCode, Seq};

use super::draft::Draft;
use crate::fact::{Fact, SandboxOperated, SandboxOperation};
use crate::session::command::Rejected;

pub(super) fn operate(
    draft: &mut Draft<'_>,
    operation: SandboxOperation,
    as_of: Option<Seq>,
) -> Result<(), Rejected> {
    let Some(sandbox) = draft.state.config().sandbox.clone() else {
        let message = "the session has no environment";
        return Err(Rejected::new(ErrorCode::InvalidParameter, message));
    };
    if is_ending(&operation) {
        if sandbox.spec.executor.is_some() {
            let message = "the machine of a self-hosted environment is its owner's";
            return Err(Rejected::new(ErrorCode::InvalidParameter, message));
        }
        if draft.state.turn.is_some() || draft.state.is_checkpointing() {
            let message = "the machine is in use by a turn; wait for it, or cancel it";
            return Err(Rejected::new(ErrorCode::Conflict, message));
        }
    }
    if as_of.is_some_and(|seq| seq != draft.state.seq) {
        let message = "the session went on meanwhile; try again";
        return Err(Rejected::new(ErrorCode::Conflict, message));
    }
    if draft.state.workspace.knows(&operation) {
        return Ok(());
    }
    draft.record(Fact::SandboxOperated(SandboxOperated { operation }));
    Ok(())
}

/// Whether the machine does not go on after it.
fn is_ending(operation: &SandboxOperation) -> bool {
    match operation {
        SandboxOperation::ExecBegun { .. } | SandboxOperation::ExecEnded { .. } => false,
        SandboxOperation::Parked
        | SandboxOperation::Restored { .. }
        | SandboxOperation::Removed => true,
        SandboxOperation::Arrived | SandboxOperation::Left => false,
    }
}
