//! Where things are in a machine's folder.
//!
//! Invariant: QEMU sees [`Files::vm`] alone, and may have put anything there; the rest is ours.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::sandbox::untrusted;

pub(super) const AGENT_SOCKET: &str = "agent.sock";
pub(super) const QMP_SOCKET: &str = "qmp.sock";
pub(super) const READY_SOCKET: &str = "ready.sock";
pub(super) const INCOMING_SOCKET: &str = "incoming.sock";
pub(super) const DISK: &str = "disk";
pub(super) const MEMORY: &str = "memory";
pub(super) const STATE: &str = "state";

/// The files of one machine, or of a template while it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Files {
    folder: PathBuf,
}

impl Files {
    /// In this folder, which is there.
    pub(super) fn of(folder: &Path) -> io::Result<Self> {
        Ok(Self { folder: folder.canonicalize()? })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder that QEMU sees and writes.
    pub(super) fn vm(&self) -> PathBuf {
        self.folder.join("vm")
    }

    /// In QEMU's folder.
    pub(super) fn in_vm(&self, name: &str) -> PathBuf {
        self.vm().join(name)
    }

    /// What QEMU says.
    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("qemu.log")
    }

    /// What the guest's kernel and agent said on the serial line, as far as it was read.
    pub(super) fn console(&self) -> PathBuf {
        self.folder.join("console.log")
    }

    /// What is written down of the machine.
    pub(super) fn record(&self) -> PathBuf {
        self.folder.join("microvm.json")
    }

    /// The state of its devices while it is parked.
    pub(super) fn parked_state(&self) -> PathBuf {
        self.folder.join("parked.state")
    }

    /// The pages that differ from its template while it is parked.
    pub(super) fn parked_pages(&self) -> PathBuf {
        self.folder.join("parked.pages")
    }
}

/// Opens a file that QEMU wrote: a file, and not by way of a link.
pub(super) fn open_untrusted(path: &Path) -> io::Result<File> {
    let file = untrusted::open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other(format!("{} is no file", path.display()))),
    }
}

/// Removes a file if it is there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
