//! Whether a command was killed because its machine's memory ran out.
//!
//! Invariant: where the machine's own group counts such kills, that count decides, and not what the agent
//! inside sees of the host's.

use mainstay_core::port::ExecEnd;

use super::inner::Inner;
use super::slot::Live;

const KILL_SIGNAL: i32 = 9;
/// A shell whose last command was killed exits with this.
const KILLED_CODE: i32 = 128 + KILL_SIGNAL;

impl Inner {
    /// How often it happened in a machine, if its driver counts.
    pub(super) async fn memory_kills(&self, live: &Live) -> Option<u64> {
        self.drivers.named(live.driver())?.memory_kills(live.place()).await
    }
}

/// Whether such an end may be one for want of memory.
pub(super) fn may_be_victim(end: ExecEnd) -> bool {
    match end {
        ExecEnd::Exited { code } => code == KILLED_CODE,
        ExecEnd::Signalled { signal } => signal == KILL_SIGNAL,
        ExecEnd::OutOfMemory => true,
        ExecEnd::TimedOut => false,
    }
}

/// The end, by what was counted before the command and behind it.
pub(super) fn end(told: ExecEnd, before: u64, after: Option<u64>) -> ExecEnd {
    match (told, after) {
        (_, None) => told,
        (_, Some(after)) if after > before => ExecEnd::OutOfMemory,
        (ExecEnd::OutOfMemory, Some(_)) => ExecEnd::Signalled { signal: KILL_SIGNAL },
        _ => told,
    }
}
