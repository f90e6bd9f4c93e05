//! The manifests in the image folder; `cargo xtask image` writes the same.

use serde::{Deserialize, Serialize};

use crate::sandbox::KernelKind;

/// The version of both.
pub(super) const VERSION: u32 = 1;

/// What all machines share.
#[derive(Debug, Deserialize)]
pub(super) struct MachineManifest {
    pub(super) version: u32,
    pub(super) kernel: KernelManifest,
    pub(super) agent: AgentManifest,
}

#[derive(Debug, Deserialize)]
pub(super) struct KernelManifest {
    pub(super) file: PartManifest,
    #[serde(default)]
    pub(super) kind: KernelKind,
    /// Of the package that it is from or was built from.
    pub(super) version: Option<String>,
    /// Why it is not our own.
    pub(super) instead_because: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct AgentManifest {
    pub(super) file: PartManifest,
}

#[derive(Debug, Deserialize)]
pub(super) struct PartManifest {
    pub(super) path: String,
}

/// One image.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ImageManifest {
    pub(super) version: u32,
    pub(super) name: String,
    /// SHA-256 of its disk.
    pub(super) digest: String,
    /// Its folder, in the image folder.
    pub(super) root: String,
    pub(super) size_bytes: u64,
    /// Where it comes from, for people.
    pub(super) source: String,
}
