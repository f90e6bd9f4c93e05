//! What is written down of a machine in its folder, so that another process finds it.

use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

use super::files::Files;
use crate::sandbox::process::procfs::Process;

/// The file's version.
const VERSION: u32 = 1;

/// A machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    version: u32,
    /// The template that its pages are kept against.
    pub(super) template: String,
    /// Its memory, MiB.
    pub(super) memory_mib: u64,
    /// QEMU; none before it answered.
    pub(super) qemu: Option<Process>,
    /// Whether it is parked: then QEMU is not needed, if it is still there.
    pub(super) is_parked: bool,
    /// Whether its QEMU was stopped for a moment, by who may have been killed before it went on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_held: bool,
    /// Whether it is parked and its QEMU is known to have ended, so that nobody need look for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) has_ended: bool,
}

impl Record {
    /// Of a machine that is about to start.
    pub(super) fn new(template: &str, memory_mib: u64) -> Self {
        let template = template.to_owned();
        Self {
            version: VERSION,
            template,
            memory_mib,
            qemu: None,
            is_parked: false,
            is_held: false,
            has_ended: false,
        }
    }

    /// The machine of a folder; none when none was started, or it was not finished.
    pub(super) fn read(files: &Files) -> Option<Self> {
        let record: Self = serde_json::from_slice(&fs::read(files.record()).ok()?).ok()?;
        (record.version == VERSION).then_some(record)
    }

    /// Writes it so that it is there whole or not at all.
    pub(super) fn write(&self, files: &Files) -> io::Result<()> {
        let draft = files.record().with_extension("new");
        fs::write(&draft, serde_json::to_vec(self)?)?;
        fs::rename(draft, files.record())
    }

    /// Whether its QEMU runs it.
    pub(super) fn is_running(&self) -> bool {
        !self.is_parked && self.qemu.is_some_and(Process::is_running)
    }
}
