//! What the operator says about the microVM tier.

use std::path::PathBuf;

/// What runs the guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Acceleration {
    /// The processor itself.
    Kvm,
    /// QEMU's translator: everywhere, and several times slower.
    Tcg,
}

/// The operator's settings of the microVM tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MicrovmSettings {
    /// A folder on the host's disk for templates, for the probe's machine and its answer. Servers may
    /// share it.
    pub scratch: PathBuf,
    /// The image folder, whose default image the probe starts.
    pub images: PathBuf,
    /// QEMU: a path, or a name to look for in the usual folders.
    pub qemu: PathBuf,
    /// The program that makes namespaces.
    pub bubblewrap: PathBuf,
    /// Where Mainstay is root, machines run as users from this one on.
    pub first_uid: u32,
    /// What runs guests; found out by starting one when none.
    pub acceleration: Option<Acceleration>,
}

/// The users of the process tier end before.
const DEFAULT_FIRST_UID: u32 = 0x7001_0000;
/// How many users, from the first, machines are spread over.
pub(super) const UID_COUNT: u32 = 65_536;

impl MicrovmSettings {
    /// With what is usual, and these folders.
    #[must_use]
    pub fn new(scratch: PathBuf, images: PathBuf) -> Self {
        Self {
            scratch,
            images,
            qemu: PathBuf::from("qemu-system-x86_64"),
            bubblewrap: PathBuf::from("bwrap"),
            first_uid: DEFAULT_FIRST_UID,
            acceleration: None,
        }
    }

    /// With another folder in the place of `scratch` where this process may not write there, as where an
    /// image folder belongs to somebody else.
    #[must_use]
    pub fn or_scratch(self, other: PathBuf) -> Self {
        let own = self.scratch.as_path();
        let may_be = if own.exists() { own } else { own.parent().unwrap_or(own) };
        let is_writable = rustix::fs::access(may_be, rustix::fs::Access::WRITE_OK).is_ok();
        match is_writable || !may_be.exists() {
            true => self,
            false => Self { scratch: other, ..self },
        }
    }
}
