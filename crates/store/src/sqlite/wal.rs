//! Keeps SQLite's write-ahead log at one size.
//!
//! Invariant: between checkpoints a commit overwrites bytes that the file has already, so that
//! its flush writes data alone: a log that grows would flush the file system's journal with every
//! commit, at more than twice the time. The space is written once as zeros, which end SQLite's
//! reading of the log like any frame of an earlier round.

use std::cell::Cell;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use rusqlite::Connection;

use crate::StoreError;
use crate::sqlite::error::{from_io, from_sqlite};
use crate::sqlite::schema::PAGE_SIZE_BYTES;

/// What is reserved at start; more would be felt in the time of the first commit.
const FIRST_RESERVE_BYTES: u64 = 256 << 10;

/// What is reserved in the end; each checkpoint doubles what there is.
const RESERVE_LIMIT_BYTES: u64 = 4 << 20;

/// How full the log is when it is copied into the data file: the room above is for one group.
const CHECKPOINT_PERCENT: u64 = 88;

/// Zeros are written in pieces of this size. Larger ones would make the page cache keep the file
/// in larger units, and the system account one of those for each flush.
const PIECE_BYTES: usize = 4096;

/// SQLite's frame: a header and a page.
const FRAME_BYTES: u64 = 24 + PAGE_SIZE_BYTES as u64;

/// How many disk flushes one checkpoint takes: the log, the data file, and the log's new header.
const CHECKPOINT_FLUSH_COUNT: u64 = 3;

thread_local! {
    /// Frames in the log after the last commit on this thread; SQLite's hook takes no context.
    static FRAME_COUNT: Cell<u64> = const { Cell::new(0) };
}

#[derive(Debug)]
pub(super) struct Wal {
    path: PathBuf,
    reserved_bytes: u64,
    last_frame_count: u64,
    due_frame_count: u64,
}

impl Wal {
    /// Reserves the first space of the log of an open database.
    pub(super) fn open(path: PathBuf) -> Result<Self, StoreError> {
        let mut wal = Self { path, reserved_bytes: 0, last_frame_count: 0, due_frame_count: 0 };
        wal.reserve(FIRST_RESERVE_BYTES)?;
        wal.due_frame_count = wal.limit_frame_count();
        Ok(wal)
    }

    /// Makes this connection's commits known to `observe`, and keeps SQLite from checkpoints of its
    /// own.
    pub(super) fn follow(connection: &Connection) {
        connection.wal_hook(Some(|_, frame_count| {
            FRAME_COUNT.set(u64::try_from(frame_count).unwrap_or(0));
            Ok(())
        }));
    }

    /// Tells whether the log is so full that it should be copied into the data file.
    pub(super) fn is_due(&self) -> bool {
        self.last_frame_count >= self.due_frame_count
    }

    /// Runs what commits on this thread, and learns how long it made the log.
    pub(super) fn observe<T>(&mut self, act: impl FnOnce() -> T) -> T {
        FRAME_COUNT.set(0);
        let result = act();
        let frame_count = FRAME_COUNT.get();
        if frame_count > 0 {
            if frame_count < self.last_frame_count {
                // It started over.
                self.due_frame_count = self.limit_frame_count();
            }
            self.last_frame_count = frame_count;
        }
        result
    }

    /// Copies the log into the data file. Answers how often the disk was flushed.
    pub(super) fn checkpoint(&mut self, connection: &Connection) -> Result<u64, StoreError> {
        // A reader may keep the log from starting over: ask again after a while, not at once.
        self.due_frame_count = self.last_frame_count + self.limit_frame_count() / 16;
        connection.pragma_query(None, "wal_checkpoint", |_| Ok(())).map_err(|e| {
            from_sqlite(e, "copy the write-ahead log into the data file", &self.path)
        })?;
        self.reserve((self.reserved_bytes * 2).min(RESERVE_LIMIT_BYTES))?;
        Ok(CHECKPOINT_FLUSH_COUNT)
    }

    fn limit_frame_count(&self) -> u64 {
        self.reserved_bytes * CHECKPOINT_PERCENT / 100 / FRAME_BYTES
    }

    /// Extends the file with zeros; what it holds stays.
    fn reserve(&mut self, size_bytes: u64) -> Result<(), StoreError> {
        let extend = || {
            let file = OpenOptions::new().write(true).open(&self.path)?;
            let mut end = file.metadata()?.len();
            while end < size_bytes {
                // Up to the next whole piece first.
                let length = PIECE_BYTES - usize::try_from(end % PIECE_BYTES as u64).unwrap_or(0);
                file.write_all_at(&[0; PIECE_BYTES][..length], end)?;
                end += length as u64;
            }
            Ok(())
        };
        extend().map_err(|e| from_io(e, "reserve space in the write-ahead log", &self.path))?;
        self.reserved_bytes = self.reserved_bytes.max(size_bytes);
        Ok(())
    }
}
