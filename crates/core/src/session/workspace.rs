//! What a session's journal knows of its machine.
//!
//! Invariant: a call that may have changed the machine is counted until a checkpoint holds what it did,
//! so that whoever loses the machine can say what is lost with it.

use std::sync::Arc;

use mainstay_protocol::Seq;
use serde::{Deserialize, Serialize};

use crate::fact::SandboxOperation;
use crate::port::{Checkpoint, Saved};

/// The machine and its workspace, as of the last entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorkspaceState {
    /// The last checkpoint.
    pub checkpoint: Option<Arc<Checkpoint>>,
    /// The entry that brought it.
    pub checkpoint_seq: Seq,
    /// Calls since that may have changed the machine.
    pub calls_since: u32,
    /// The number of the last connection in the journal.
    pub last_connection: u64,
    /// How many of these calls the checkpoint that is under way holds.
    pub saving: u32,
    /// Whether a checkpoint was tried since the last of these calls, and no new turn began.
    pub is_tried: bool,
}

impl WorkspaceState {
    /// Whether there is something to save that was not tried to be saved.
    #[must_use]
    pub fn needs_checkpoint(&self) -> bool {
        self.calls_since > 0 && !self.is_tried
    }

    /// A call may have changed the machine.
    pub(super) fn changed(&mut self) {
        self.calls_since = self.calls_since.saturating_add(1);
        self.is_tried = false;
    }

    /// An attempt to save begins: it holds what was done so far.
    pub(super) fn saving(&mut self) {
        self.saving = self.calls_since;
    }

    /// An operator did something with the machine.
    pub(super) fn operated(&mut self, operation: &SandboxOperation) {
        match operation {
            SandboxOperation::ExecBegun { .. } => {
                // There is nothing to save of it before it ends.
                self.is_tried |= self.calls_since == 0;
                self.calls_since = self.calls_since.saturating_add(1);
            }
            SandboxOperation::ExecEnded { .. } => {
                self.calls_since = self.calls_since.max(1);
                self.is_tried = false;
            }
            SandboxOperation::Restored { seq, checkpoint, lost_calls } => {
                self.checkpoint = Some(Arc::new(checkpoint.clone()));
                self.checkpoint_seq = *seq;
                // Until the next checkpoint, a new machine does not have what these calls did.
                self.calls_since = *lost_calls;
                self.saving = 0;
                // There is no machine, and nothing new to save.
                self.is_tried = true;
            }
            SandboxOperation::Parked | SandboxOperation::Removed => {}
        }
    }

    /// The attempts to save ended.
    pub(super) fn tried(&mut self) {
        self.is_tried = self.saving == self.calls_since;
    }

    /// A machine was saved, or there was none to save: then what is not saved stays counted as lost.
    pub(super) fn saved(&mut self, saved: &Saved, seq: Seq) {
        self.tried();
        if let Some(checkpoint) = &saved.checkpoint {
            self.checkpoint = Some(Arc::new(checkpoint.clone()));
            self.checkpoint_seq = seq;
            self.calls_since -= self.saving;
        }
        let numbers = saved.connections.iter().map(|connection| connection.number);
        self.last_connection = numbers.fold(self.last_connection, u64::max);
    }
}
