//! The command line's own files in the data folder: the key of this machine, and where the server is.
//!
//! Invariant: both are readable by their owner alone and are replaced whole. Deliberately absent: the
//! store's files and its lock.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// Where the data is.
#[derive(Debug, Clone)]
pub(crate) struct DataFolder {
    path: PathBuf,
}

/// A server that runs on a data folder; also the line that it prints when it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    /// Where it answers.
    pub(crate) url: String,
    /// Its process.
    pub(crate) pid: u32,
    /// Its version.
    pub(crate) version: String,
}

impl DataFolder {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file with the key of this machine's command line.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.path.join("key")
    }

    /// Whether there is a store.
    pub(crate) fn has_store(&self) -> bool {
        self.path.join("mainstay.db").exists()
    }

    /// Refuses a folder without a store, so that a typing error makes no new one.
    pub(crate) fn require_store(&self) -> Result<(), Failure> {
        if self.has_store() {
            return Ok(());
        }
        Err(Failure::new(format!("there is no store in {}", self.path.display()))
            .hint("name the data folder with --data-dir, or a server with --url"))
    }

    /// The key of this machine's command line.
    pub(crate) fn read_key(&self) -> anyhow::Result<Option<String>> {
        let path = self.key_file();
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("read the key in {}", path.display())),
        }
    }

    /// Keeps the key of this machine's command line.
    pub(crate) fn write_key(&self, secret: &str) -> anyhow::Result<()> {
        replace(&self.key_file(), &format!("{secret}\n"))
    }

    /// Says where this process answers.
    pub(crate) fn announce(&self, running: &Running) -> anyhow::Result<()> {
        let text = serde_json::to_string(running).expect("plain members serialise");
        replace(&self.server_file(), &format!("{text}\n"))
    }

    /// Takes back what this process announced.
    pub(crate) fn withdraw(&self) {
        // One that stays says a process that is gone; readers look whether it lives.
        let _ = fs::remove_file(self.server_file());
    }

    /// The server that runs on this folder.
    pub(crate) fn running(&self) -> Option<Running> {
        self.announced().filter(|running| is_alive(running.pid))
    }

    /// Whether the last server on this folder ended without a farewell.
    pub(crate) fn was_killed(&self) -> bool {
        self.announced().is_some_and(|running| !is_alive(running.pid))
    }

    fn announced(&self) -> Option<Running> {
        let text = fs::read_to_string(self.server_file()).ok()?;
        serde_json::from_str(&text).ok()
    }

    fn server_file(&self) -> PathBuf {
        self.path.join("server.json")
    }
}

/// Whether a process exists, whoever it belongs to.
fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| {
        let asked = rustix::process::test_kill_process(pid);
        asked.is_ok() || asked == Err(rustix::io::Errno::PERM)
    })
}

/// Replaces a file by one that only its owner can read, whole or not at all.
fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let unfinished = path.with_extension(format!("{}.new", std::process::id()));
    let written = write_private(&unfinished, text).and_then(|()| fs::rename(&unfinished, path));
    written.with_context(|| format!("write {}", path.display()))
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    // One that a crash left behind may have other permissions.
    let _ = fs::remove_file(path);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file: File = options.open(path)?;
    file.write_all(text.as_bytes())
}
