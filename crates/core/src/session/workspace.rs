//! What a session's journal knows of its machine.
//!
//! Invariant: a call that may have changed the machine is counted until a checkpoint holds what it did,
//! so that whoever loses the machine can say what is lost with it.

use std::collections::BTreeSet;
use std::sync::Arc;

use mainstay_protocol::{EffectId, Seq};
use serde::{Deserialize, Serialize};

use crate::effect::MachineNews;
use crate::fact::SandboxOperation;
use crate::port::{Checkpoint, MachineSeen, Readiness, Saved};

/// The longest reason of a machine that could not be had that is kept, in bytes.
const MAX_REASON_BYTES: usize = 1_024;

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
    /// How it is, as far as the journal has told.
    #[serde(skip_serializing_if = "MachineState::is_unknown")]
    pub machine: MachineState,
    /// How often it was lost and another took its place.
    #[serde(skip_serializing_if = "is_zero")]
    pub reset_count: u32,
    /// The entry that told of it last, and how many calls were lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_reset: Option<(Seq, u32)>,
    /// Checkpoints that entries before this one brought are kept no longer.
    #[serde(skip_serializing_if = "is_start")]
    pub collected_before: Seq,
    /// The last entry that says so.
    #[serde(skip_serializing_if = "is_start")]
    pub collected_seq: Seq,
    /// How many checkpoints are kept, as far as this was counted.
    #[serde(skip_serializing_if = "is_zero")]
    pub kept_count: u32,
    /// Commands and terminals of operators that began and have no end.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub commands: BTreeSet<EffectId>,
}

/// How a machine is, as far as a journal has told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MachineState {
    /// Nothing was told yet.
    #[default]
    Unknown,
    /// It was there.
    Connected,
    /// It was put away.
    Stopped,
    /// It could not be had.
    Absent,
}

impl MachineState {
    fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

fn is_start(seq: &Seq) -> bool {
    *seq == 0
}

impl WorkspaceState {
    /// Whether there is something to save that was not tried to be saved.
    #[must_use]
    pub fn needs_checkpoint(&self) -> bool {
        self.calls_since > 0 && !self.is_tried
    }

    /// What a call saw of the machine that the journal has not told yet. Calls side by side see one loss:
    /// what was told after a call was asked for, the call tells no more.
    pub(super) fn news(&self, seen: &MachineSeen, asked_seq: Seq) -> Option<MachineNews> {
        let was_connected = self.machine == MachineState::Connected;
        match seen {
            MachineSeen::Ready(
                Readiness::Restored { lost_calls } | Readiness::Resumed { lost_calls },
            ) => {
                let is_told = |(seq, lost): (Seq, u32)| seq > asked_seq && lost == *lost_calls;
                if was_connected && self.last_reset.is_some_and(is_told) {
                    return None;
                }
                let reset_count = self.reset_count.saturating_add(1);
                Some(MachineNews::Replaced { reset_count, lost_calls: *lost_calls })
            }
            MachineSeen::Ready(Readiness::Running | Readiness::New) => {
                (!was_connected).then_some(MachineNews::Connected)
            }
            MachineSeen::Absent(_) if self.machine == MachineState::Absent => None,
            MachineSeen::Absent(reason) => {
                let message = reason[..reason.floor_char_boundary(MAX_REASON_BYTES)].to_owned();
                Some(MachineNews::Absent { message, was_connected })
            }
        }
    }

    /// The journal tells of the machine.
    pub(super) fn told(&mut self, news: &MachineNews, seq: Seq) {
        self.machine = match news {
            MachineNews::Connected => MachineState::Connected,
            MachineNews::Replaced { reset_count, lost_calls } => {
                self.last_reset = Some((seq, *lost_calls));
                self.reset_count = *reset_count;
                MachineState::Connected
            }
            MachineNews::Absent { .. } => MachineState::Absent,
        };
    }

    /// Whether an executor's coming or leaving is told already.
    pub(super) fn knows(&self, operation: &SandboxOperation) -> bool {
        match operation {
            SandboxOperation::Arrived => self.machine == MachineState::Connected,
            SandboxOperation::Left => self.machine != MachineState::Connected,
            SandboxOperation::ExecBegun { .. }
            | SandboxOperation::ExecEnded { .. }
            | SandboxOperation::Parked
            | SandboxOperation::Restored { .. }
            | SandboxOperation::Removed
            | SandboxOperation::Collected { .. } => false,
        }
    }

    /// The journal so far is another session's, and so is the machine: there is nothing to save.
    pub(super) fn copied(&mut self) {
        self.is_tried = true;
        self.machine = MachineState::Unknown;
        self.commands.clear();
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
    pub(super) fn operated(&mut self, operation: &SandboxOperation, at: Seq) {
        match operation {
            SandboxOperation::ExecBegun { effect, .. } => {
                self.commands.insert(effect.clone());
                // There is nothing to save of it before it ends.
                self.is_tried |= self.calls_since == 0;
                self.calls_since = self.calls_since.saturating_add(1);
            }
            SandboxOperation::ExecEnded { effect, .. } => {
                self.commands.remove(effect);
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
                self.machine = MachineState::Stopped;
            }
            SandboxOperation::Parked | SandboxOperation::Removed => {
                self.machine = MachineState::Stopped;
            }
            SandboxOperation::Arrived => self.machine = MachineState::Connected,
            SandboxOperation::Left => self.machine = MachineState::Absent,
            SandboxOperation::Collected { before, checkpoint_count, .. } => {
                self.collected_before = self.collected_before.max(*before);
                self.collected_seq = at;
                self.kept_count = self.kept_count.saturating_sub(*checkpoint_count);
            }
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
            self.kept_count = self.kept_count.saturating_add(1);
            self.calls_since -= self.saving;
        }
        let numbers = saved.connections.iter().map(|connection| connection.number);
        self.last_connection = numbers.fold(self.last_connection, u64::max);
    }
}

#[cfg(test)]
#[path = "workspace_tests.rs"]
mod tests;
