//! What operators do with a session's machine, and what it does by itself.
//!
//! Invariant: what changes a machine is in the journal before it is done; the envelope names who asked
//! for it.

use mainstay_protocol::{EffectId, Seq};
use serde::{Deserialize, Serialize};

use crate::port::{Checkpoint, ExecEnd};

/// See [`super::Fact::SandboxOperated`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SandboxOperated {
    /// What was done.
    pub operation: SandboxOperation,
}

/// What an operator does with a session's machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum SandboxOperation {
    /// A command begins, on a terminal or without.
    ExecBegun {
        /// Its id, by which the machine knows it.
        effect: EffectId,
        /// Program and arguments.
        argv: Vec<String>,
        /// Working folder.
        cwd: String,
        /// Whether it has a terminal.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        has_terminal: bool,
    },
    /// The command ended, as far as is known.
    ExecEnded {
        /// Its id.
        effect: EffectId,
        /// How; none when that is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        end: Option<ExecEnd>,
        /// Why that is not known, or why it was not begun.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// The machine is put away.
    Parked,
    /// The machine is ended; the workspace goes back to this checkpoint.
    Restored {
        /// The entry that brought the checkpoint.
        seq: Seq,
        /// The checkpoint.
        checkpoint: Checkpoint,
        /// How many calls it does not hold.
        lost_calls: u32,
    },
    /// The machine is ended; the next call makes another from the last checkpoint.
    Removed,
    /// The executor of a self-hosted environment connected.
    Arrived,
    /// It left, and has not come back for a while.
    Left,
    /// What only old checkpoints had is kept no longer.
    Collected {
        /// Checkpoints that entries before this one brought cannot be restored any more.
        before: Seq,
        /// How many checkpoints this adds to them.
        checkpoint_count: u32,
        /// How many blobs are gone with this entry.
        blob_count: u32,
        /// The blobs of them that artifacts are read from, which stay.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        stays: Vec<String>,
        /// The entry of this kind before this one; 0 when there is none.
        #[serde(default, skip_serializing_if = "is_zero")]
        previous: Seq,
    },
}

fn is_zero(seq: &Seq) -> bool {
    *seq == 0
}
