//! What the operator says about the process tier.

use std::path::PathBuf;

/// The first of the users that machines run as where Mainstay is root: behind those that systems give to
/// people, services and the machines of other programs.
pub const DEFAULT_FIRST_UID: u32 = 0x7000_0000;

/// How many users, from the first, machines are spread over.
pub(super) const UID_COUNT: u32 = 65_536;

/// The operator's settings of the process tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessSettings {
    /// A folder on the host's disk, where the probe makes its machine.
    pub scratch: PathBuf,
    /// The program that makes the namespaces: a path, or a name to look for in the usual folders.
    pub bubblewrap: PathBuf,
    /// Where Mainstay is root, machines run as users from this one on.
    pub first_uid: u32,
}

impl ProcessSettings {
    /// With what is usual, and this folder.
    #[must_use]
    pub fn new(scratch: PathBuf) -> Self {
        Self { scratch, bubblewrap: PathBuf::from("bwrap"), first_uid: DEFAULT_FIRST_UID }
    }
}
