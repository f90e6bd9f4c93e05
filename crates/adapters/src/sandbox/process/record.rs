//! What is written down of a machine in its folder, so that another process finds it.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::procfs::Process;

/// The file's name.
const FILE: &str = "process.json";
/// The file's version.
const VERSION: u32 = 1;

/// A machine that was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    version: u32,
    /// Bubblewrap.
    pub(super) monitor: Process,
    /// The first process of the machine.
    pub(super) first: Process,
}

impl Record {
    pub(super) fn new(monitor: Process, first: Process) -> Self {
        Self { version: VERSION, monitor, first }
    }

    /// The machine of a folder; none when none was started or it was not finished.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        let text = fs::read(path(folder)).ok()?;
        let record: Self = serde_json::from_slice(&text).ok()?;
        (record.version == VERSION).then_some(record)
    }

    /// Writes it so that it is there whole or not at all.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let draft = folder.join("process.json.new");
        let mut file = fs::File::create(&draft)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        fs::rename(draft, path(folder))
    }

    pub(super) fn remove(folder: &Path) -> io::Result<()> {
        match fs::remove_file(path(folder)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join(FILE)
}
