//! What is seen of machines, their files, and what this installation can do.

use mainstay_protocol::SessionId;
use serde::{Deserialize, Serialize};

use super::spec::SandboxTier;

/// What a folder's entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A socket, pipe or device; not saved in checkpoints.
    Other,
}

/// A file of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInfo {
    /// Its absolute path.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// Its size.
    pub size_bytes: u64,
    /// When it was changed, Unix milliseconds.
    pub modified_ms: u64,
    /// Its permission bits.
    pub mode: u32,
}

/// A machine, as operators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxInfo {
    /// Whose it is.
    pub session: SessionId,
    /// How it is kept apart.
    pub tier: SandboxTier,
    /// The driver.
    pub driver: String,
    /// What it does.
    pub status: SandboxStatus,
    /// When it was made, Unix milliseconds.
    pub created_at_ms: u64,
    /// When it was used last, Unix milliseconds.
    pub used_at_ms: u64,
}

/// A file of a saved workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedFile {
    /// Its absolute path.
    pub path: String,
    /// Its size.
    pub size_bytes: u64,
    /// Two files of one content that were saved alike have the same.
    pub digest: String,
}

/// The end of what a machine, or what keeps it, said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxLog {
    /// Where it comes from.
    pub name: String,
    /// The text; what is no text is replaced.
    pub text: String,
    /// How much before it is left out.
    pub omitted_bytes: u64,
}

/// What a machine does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxStatus {
    /// It runs.
    Running,
    /// Its memory is on disk and its processes stand still.
    Parked,
}

/// What this installation can do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxCapabilities {
    /// Tiers that work here, strongest first.
    pub tiers: Vec<SandboxTier>,
    /// Whether a machine can be parked with its processes.
    pub parks_processes: bool,
    /// The most that one machine may have.
    pub max_cpus: u32,
    /// The most that one machine may have, MiB.
    pub max_memory_mib: u64,
    /// The most that one machine may have, MiB.
    pub max_disk_mib: u64,
    /// Why there is less than one could wish, and what to do about it; for people.
    pub notes: Vec<String>,
}
