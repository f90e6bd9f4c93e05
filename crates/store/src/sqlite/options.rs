//! What a SQLite store is opened with.

use std::path::PathBuf;

/// How many commits may wait for the writer by default.
const DEFAULT_QUEUE_LIMIT_COUNT: usize = 4096;

/// The most commits of one group by default.
const DEFAULT_GROUP_LIMIT_COUNT: usize = 512;

/// The most connections that read at the same time by default.
const DEFAULT_READER_LIMIT_COUNT: usize = 4;

/// How slow a flush may be, by default, for a lone commit to be written on its caller's thread.
const DEFAULT_LONE_FLUSH_LIMIT_US: u64 = 1_000;

/// How long the writer lets a group fill, by default, where many sessions commit at once.
const DEFAULT_FILL_WAIT_US: u64 = 400;

/// Where the data is and which bounds hold.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    /// The data folder; made when it is missing, held exclusively while the store is open.
    pub folder: PathBuf,
    /// How many commits may wait for the writer before new ones are refused as overloaded.
    pub queue_limit_count: usize,
    /// The most commits written and flushed together.
    pub group_limit_count: usize,
    /// The most connections that read at the same time.
    pub reader_limit_count: usize,
    /// A commit that meets no other is written on its caller's thread as long as flushes take no
    /// longer than this; 0 leaves all to the writer's thread.
    pub lone_flush_limit_us: u64,
    /// How long the writer waits for others where many sessions commit at once; 0 is not at all.
    pub fill_wait_us: u64,
    /// How large the data file may grow before commits are refused as if the disk were full.
    pub file_limit_bytes: Option<u64>,
}

impl SqliteOptions {
    /// The default bounds, for this data folder.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            queue_limit_count: DEFAULT_QUEUE_LIMIT_COUNT,
            group_limit_count: DEFAULT_GROUP_LIMIT_COUNT,
            reader_limit_count: DEFAULT_READER_LIMIT_COUNT,
            lone_flush_limit_us: DEFAULT_LONE_FLUSH_LIMIT_US,
            fill_wait_us: DEFAULT_FILL_WAIT_US,
            file_limit_bytes: None,
        }
    }
}
