//! The data folder: where each file is, and the lock that makes it one process's own.
//!
//! Invariant: whoever holds a `Folder` is the only one with this data folder open; the lock falls
//! with the process, however it ends.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::sqlite::error::from_io;

/// How often the lock is asked for. One that was killed just now may hold it for a moment yet, in a child
/// that was on its way to becoming another program.
const LOCK_TRIES: u32 = 20;
/// How long between.
const LOCK_PAUSE_MS: u64 = 25;

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
        let mut patience = LOCK_TRIES;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if patience > 0 => wait_a_little(&mut patience),
                Err(TryLockError::WouldBlock) => return Err(held(path, &mut lock)),
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
fn wait_a_little(patience: &mut u32) {
    *patience -= 1;
    std::thread::sleep(std::time::Duration::from_millis(LOCK_PAUSE_MS));
}

/// Makes a folder that others on the machine cannot look into; one that exists is left as it is.
pub(super) fn make_private(path: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn held(path: &Path, lock: &mut File) -> StoreError {
    let mut holder = String::new();
    // The name of the holder is a courtesy: without it the refusal stands all the same.
    let _ = lock.read_to_string(&mut holder);
    let holder = holder.trim();
    let holder = if holder.is_empty() { "unknown" } else { holder };
    StoreError::Unavailable {
        what: format!(
            "the data folder {} is held by another process (pid {holder})",
            path.display()
        ),
        source: None,
    }
}
