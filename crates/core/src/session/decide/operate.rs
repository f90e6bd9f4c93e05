//! What is done with the session's machine beside its turns, or happens to it.
//!
//! Invariant: a machine is not ended under a turn, and a workspace goes back only as far as whoever
//! asked for it has seen the journal; that an executor came or left is told once. Deliberately absent:
//! doing it, which is the runtime's.

use mainstay_protocol::{ErrorCode, Seq};

use super::draft::Draft;
use crate::fact::{Fact, SandboxOperated, SandboxOperation};
use crate::session::command::{Collect, Rejected};

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

/// Old checkpoints are kept no longer.
///
/// No save is under way where this is committed, and one that begins behind it asks anew for every blob: so
/// no checkpoint can come to name what goes here.
pub(super) fn collect(draft: &mut Draft<'_>, collect: Collect) -> Result<(), Rejected> {
    let Collect { before, checkpoint_count, frees, stays, as_of } = collect;
    let state = &draft.state;
    let is_current = as_of.is_none_or(|seq| seq == state.seq);
    if state.is_checkpointing() || !is_current || before > state.workspace.checkpoint_seq {
        let message = "the session went on meanwhile; try again";
        return Err(Rejected::new(ErrorCode::Conflict, message));
    }
    let operation = SandboxOperation::Collected {
        before,
        checkpoint_count,
        blob_count: u32::try_from(frees.len()).unwrap_or(u32::MAX),
        stays,
        previous: state.workspace.collected_seq,
    };
    draft.record(Fact::SandboxOperated(SandboxOperated { operation }));
    draft.free(frees);
    Ok(())
}

/// Whether the machine does not go on after it.
fn is_ending(operation: &SandboxOperation) -> bool {
    match operation {
        SandboxOperation::ExecBegun { .. }
        | SandboxOperation::ExecEnded { .. }
        | SandboxOperation::Collected { .. } => false,
        SandboxOperation::Parked
        | SandboxOperation::Restored { .. }
        | SandboxOperation::Removed => true,
        SandboxOperation::Arrived | SandboxOperation::Left => false,
    }
}
