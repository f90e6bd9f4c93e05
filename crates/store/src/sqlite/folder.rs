//! The data folder: where each file is, and the lock that makes it one process's own.
//!
//! Invariant: whoever holds a `Folder` is the only one with this data folder open; the lock falls
//! with the process, however it ends.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::StoreError;
use crate::sqlite::error::from_io;

/// How often the lock is asked for while its holder lives: it may be about to end.
const LOCK_TRIES: u32 = 20;
/// How often where the holder is gone. A process that was killed just now leaves the lock for a moment to
/// a child that was on its way to becoming another program; mounting the disk of a machine is part of
/// that way, and takes seconds where disks are busy.
const ORPHAN_TRIES: u32 = 1200;
/// How long between.
const LOCK_PAUSE: Duration = Duration::from_millis(25);

#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if need be and takes its lock.
    pub(super) fn hold(path: &Path) -> Result<Self, StoreError> {
        make_private(path).map_err(|e| from_io(e, "make the data folder", path))?;
        let file = path.join("lock");
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&file)
            .map_err(|e| from_io(e, "open", &file))?;
        let mut tries = 0;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {
                    let holder = holder(&file);
                    let is_orphan = is_gone(&holder);
                    if tries >= if is_orphan { ORPHAN_TRIES } else { LOCK_TRIES } {
                        return Err(held(path, &holder));
                    }
                    if is_orphan && tries == 0 {
                        let path = path.display();
                        tracing::warn!("{path} is still held after a crash; waiting for it");
                    }
                    tries += 1;
                    pause();
                }
                Err(TryLockError::Error(e)) => return Err(from_io(e, "lock", &file)),
            }
        }
        lock.set_len(0)
            .and_then(|()| writeln!(lock, "{}", std::process::id()))
            .map_err(|e| from_io(e, "write", &file))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    pub(super) fn database(&self) -> PathBuf {
        self.path.join("mainstay.db")
    }

    /// The write-ahead log, named as SQLite does.
    pub(super) fn log(&self) -> PathBuf {
        self.path.join("mainstay.db-wal")
    }

    pub(super) fn witness(&self) -> PathBuf {
        self.path.join("acknowledged")
    }

    pub(super) fn blobs(&self) -> PathBuf {
        self.path.join("blobs")
    }
}

#[expect(clippy::disallowed_methods, reason = "nothing tells that a lock is free again")]
fn pause() {
    std::thread::sleep(LOCK_PAUSE);
}

/// The process that took the lock last, as it wrote itself down; empty where that is not known.
fn holder(lock: &Path) -> String {
    // The name of the holder is a courtesy: without it the refusal stands all the same.
    std::fs::read_to_string(lock).unwrap_or_default().trim().to_owned()
}

/// Whether that process is known not to run any more.
fn is_gone(holder: &str) -> bool {
    let processes = Path::new("/proc");
    holder.parse::<u32>().is_ok()
        && processes.join("self").exists()
        && !processes.join(holder).exists()
}

/// Makes a folder that others on the machine cannot look into; one that exists is left as it is.
pub(super) fn make_private(path: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn held(path: &Path, holder: &str) -> StoreError {
    let who = match holder {
        "" => "another process".to_owned(),
        gone if is_gone(gone) => format!("what process {gone} left behind when it ended"),
        running => format!("another process (pid {running})"),
    };
    StoreError::Unavailable {
        what: format!("the data folder {} is held by {who}", path.display()),
        source: None,
    }
}
