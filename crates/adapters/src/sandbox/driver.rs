//! What a driver does: starts the agent of `mainstay-guest` in isolation, and gives a channel to it.
//!
//! Invariant: a driver keeps nothing in memory that it needs to find a machine again; all of it is in
//! the machine's folder. The agent does everything else, alike for all drivers. Deliberately absent:
//! commands, files, workspaces, egress, and when machines are made or parked.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use mainstay_core::port::SandboxTier;
use serde::{Deserialize, Serialize};
use tokio::net::UnixStream;

/// Bytes of what sizes of machines are counted in.
#[cfg(target_os = "linux")]
pub(in crate::sandbox) const MIB: u64 = 1 << 20;

/// The folder of one machine, of this driver alone. It is made before `boot` and removed after
/// `destroy` by whoever calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(PathBuf);

impl Place {
    /// A machine in this folder.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0
    }
}

/// A root image in the image folder, in the forms that drivers need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its name.
    pub name: String,
    /// SHA-256 of what it was made of: a machine made from another one is not the same.
    pub digest: String,
    /// The root as a folder, for the process tier.
    pub tree: PathBuf,
    /// The root as a file system in a file, for the microVM.
    pub disk: PathBuf,
    /// The static agent.
    pub agent: PathBuf,
    /// The guest kernel, for the microVM.
    pub kernel: PathBuf,
    /// What kind of kernel that is.
    pub kernel_kind: KernelKind,
}

/// What a guest's kernel needs of its machine depends on whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KernelKind {
    /// Our own small configuration: nothing is a module, devices are named on its command line.
    #[default]
    Minimal,
    /// Debian's for clouds: its drivers are modules, which the initial file system brings, and it finds
    /// devices by ACPI.
    Cloud,
}

impl Image {
    /// The initial file system with the agent, for the microVM: it lies beside the agent.
    #[must_use]
    pub fn initrd(&self) -> PathBuf {
        self.agent.with_file_name("init.cpio")
    }
}

/// What a machine is made from, checked and filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineSpec {
    /// Its root.
    pub image: Arc<Image>,
    /// Virtual processors.
    pub cpus: u32,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// Disk beside the image, MiB.
    pub disk_mib: u64,
    /// Processes at once.
    pub processes: u32,
}

/// What a driver can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DriverCapabilities {
    /// How machines are kept apart.
    pub tier: SandboxTier,
    /// Whether `park` and `fork` keep processes.
    pub parks_processes: bool,
}

/// Why a driver does not work here, and what would make it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}; {remedy}")]
pub struct Unusable {
    /// What is missing.
    pub reason: String,
    /// What to do about it.
    pub remedy: String,
}

/// Why a driver failed, by what is done next.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The machine is gone or never came up: destroy it and make another one.
    #[error("{attempted}: {reason}")]
    Broken {
        /// What was attempted.
        attempted: &'static str,
        /// What came of it, with what the machine said last.
        reason: String,
    },
    /// The host has no room: try again later.
    #[error("the host has no room for another machine: {0}")]
    Full(String),
}

/// Runs machines in one kind of isolation.
///
/// A running machine outlives the process that started it, and is reached again with `connect`.
#[async_trait]
pub trait Driver: Send + Sync {
    /// Its name, as in `mainstay doctor`.
    fn name(&self) -> &'static str;

    /// What it can do.
    fn capabilities(&self) -> DriverCapabilities;

    /// Whether machines come up here: found by starting one, within a time limit; the answer is kept.
    async fn probe(&self) -> Result<(), Unusable>;

    /// What is weaker here than it could be, and what to do about it; for people.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Starts a machine. On `Ok` its agent is about to answer on `connect`.
    async fn boot(&self, place: &Place, spec: &MachineSpec) -> Result<(), DriverError>;

    /// Whether the machine runs.
    async fn is_running(&self, place: &Place) -> bool;

    /// A channel to the agent of a running machine; the one before is closed by it.
    async fn connect(&self, place: &Place) -> Result<UnixStream, DriverError>;

    /// Puts a running machine to disk and frees its memory. Where processes cannot be kept, it stops
    /// them. What the machine needs to come back is in its folder.
    async fn park(&self, place: &Place) -> Result<(), DriverError>;

    /// Returns when what was parked in a folder, or kept there, would outlive the end of the host; false where
    /// it may not.
    async fn flush(&self, _: &Place) -> Result<bool, DriverError> {
        Ok(false)
    }

    /// Brings a parked machine back.
    async fn unpark(&self, place: &Place, spec: &MachineSpec) -> Result<(), DriverError>;

    /// Makes `copy` the same machine as `place` is now, running; `place` goes on. Only
    /// of a driver that keeps processes.
    async fn fork(
        &self,
        place: &Place,
        copy: &Place,
        spec: &MachineSpec,
    ) -> Result<(), DriverError>;

    /// Writes a running machine down in another folder, memory and disk; it goes on. Only of a driver that
    /// keeps processes.
    async fn keep(&self, place: &Place, _image: &Place) -> Result<(), DriverError> {
        let reason = format!("{} has no memory that can be kept", place.folder().display());
        Err(DriverError::Broken { attempted: "keep a machine's memory", reason })
    }

    /// Starts a machine where one was written down; that can be done again.
    async fn resume(
        &self,
        image: &Place,
        _place: &Place,
        _spec: &MachineSpec,
    ) -> Result<(), DriverError> {
        let reason = format!("{} is none of this driver's", image.folder().display());
        Err(DriverError::Broken { attempted: "bring a machine back", reason })
    }

    /// How often the kernel killed in the machine because its memory ran out; none where the agent inside
    /// knows better, or nobody does.
    async fn memory_kills(&self, _: &Place) -> Option<u64> {
        None
    }

    /// Brings what a running machine said where its logs are, in its folder.
    async fn gather_logs(&self, _: &Place) -> Result<(), DriverError> {
        Ok(())
    }

    /// Ends a machine, in whatever state it is, and everything that it holds outside of its folder.
    async fn destroy(&self, place: &Place) -> Result<(), DriverError>;
}
