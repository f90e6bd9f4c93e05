//! What the operator says about machines.

use std::path::PathBuf;

/// The operator's settings of compute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubSettings {
    /// The folder of machines' folders.
    pub machines: PathBuf,
    /// Machines that run at once.
    pub max_machines: usize,
    /// Their memory together, MiB.
    pub max_total_memory_mib: u64,
    /// The host's memory, MiB, which bounds theirs; none where it is not known.
    pub host_memory_mib: Option<u64>,
    /// The most that one machine may have.
    pub max_cpus: u32,
    /// The most that one machine may have, MiB.
    pub max_memory_mib: u64,
    /// The most that one machine may have, MiB.
    pub max_disk_mib: u64,
    /// The most that one machine may have.
    pub max_processes: u32,
    /// After so long without a call a machine is parked.
    pub idle_ms: u64,
    /// After so long without a call a parked machine whose workspace is saved is removed.
    pub parked_ms: u64,
    /// Memory images of checkpoints that are kept, the newest; none when 0.
    pub memory_images: usize,
    /// What they may take of the disk together, MiB.
    pub max_memory_images_mib: u64,
    /// Machines that wait, started, for sessions to come.
    pub warm_machines: usize,
}

impl HubSettings {
    /// What machines may have together, MiB.
    pub(super) fn total_memory_mib(&self) -> u64 {
        self.host_memory_mib.unwrap_or(u64::MAX).min(self.max_total_memory_mib)
    }
}

/// The memory of the host as its kernel says, MiB; none where it does not.
#[must_use]
pub fn host_memory_mib() -> Option<u64> {
    memory_in(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn memory_in(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib / 1024)
}

/// The least memory that a machine works with, MiB.
pub const MIN_MEMORY_MIB: u64 = 64;
/// The least disk that a machine works with, MiB.
pub const MIN_DISK_MIB: u64 = 16;
/// The fewest processes that a machine works with.
pub const MIN_PROCESSES: u32 = 8;

#[cfg(test)]
mod tests {
    use super::memory_in;

    #[test]
    fn the_host_says_its_memory() {
        let check = |text: &str, expected: Option<u64>| assert_eq!(memory_in(text), expected);
        check("MemTotal:       24683736 kB\nMemFree: 1 kB\n", Some(24_105));
        check("MemFree: 1 kB\n", None);
        check("MemTotal: much\n", None);
        check("", None);
    }
}
