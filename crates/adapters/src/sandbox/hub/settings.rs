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
    /// Machines that wait, started, for sessions to come.
    pub warm_machines: usize,
}

/// The least memory that a machine works with, MiB.
pub const MIN_MEMORY_MIB: u64 = 64;
/// The least disk that a machine works with, MiB.
pub const MIN_DISK_MIB: u64 = 16;
/// The fewest processes that a machine works with.
pub const MIN_PROCESSES: u32 = 8;
