//! Limits of a machine's processes that hold without control groups.
//!
//! Invariant: they are set before the program of a machine starts. Where Mainstay is root they are set
//! before bubblewrap: the machine has a user of its own, of whom nothing else is counted. Else they are
//! set on the machine's first process, because the kernel counts a user's processes by namespace, and
//! outside of it the user has others.

use std::io;

use rustix::process::{Pid, Resource, Rlimit};

use super::procfs::Process;
use crate::sandbox::driver::MIB;

/// Files that one process may have open.
const MAX_OPEN_FILES: u64 = 16_384;
/// Signals that may wait, and locked memory, and messages: none of these is needed by the many.
const MAX_WAITING_SIGNALS: u64 = 4096;
const MAX_LOCKED_BYTES: u64 = 8 * 1024 * 1024;
const MAX_MESSAGE_BYTES: u64 = 1024 * 1024;

/// What a machine's processes may have, each.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProcessLimits {
    /// The largest file.
    pub(super) file_mib: u64,
    /// Processes of the machine at once.
    pub(super) processes: u32,
    /// The memory of one process; none where a group bounds all of them together.
    pub(super) memory_mib: Option<u64>,
}

/// Each limit with its value. The server's own are not raised.
pub(super) fn list(limits: &ProcessLimits) -> Vec<(Resource, Rlimit)> {
    let mut all = vec![
        (Resource::Core, 0),
        (Resource::Fsize, limits.file_mib.saturating_mul(MIB)),
        (Resource::Nproc, u64::from(limits.processes)),
        (Resource::Nofile, MAX_OPEN_FILES),
        (Resource::Sigpending, MAX_WAITING_SIGNALS),
        (Resource::Memlock, MAX_LOCKED_BYTES),
        (Resource::Msgqueue, MAX_MESSAGE_BYTES),
        (Resource::Nice, 0),
        (Resource::Rtprio, 0),
    ];
    if let Some(memory_mib) = limits.memory_mib {
        all.push((Resource::Data, memory_mib.saturating_mul(MIB)));
    }
    let bounded = all.into_iter().map(|(resource, most)| {
        let own = rustix::process::getrlimit(resource).maximum;
        let most = Some(own.map_or(most, |own| own.min(most)));
        (resource, Rlimit { current: most, maximum: most })
    });
    bounded.collect()
}

/// Sets them on the first process of a machine; all others get them from it.
pub(super) fn set(first: Process, limits: &[(Resource, Rlimit)]) -> io::Result<()> {
    for (resource, limit) in limits {
        rustix::process::prlimit(Pid::from_raw(first.pid), *resource, *limit)?;
    }
    Ok(())
}
