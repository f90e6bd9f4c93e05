//! The `Store` trait and the plain data it speaks.
//!
//! Invariant: `commit` is the only write of journals, rows and tasks, and it is atomic: all of it
//! is durable when it returns `Ok`, none of it when it returns `Err`. Each method says what is
//! true once it returns. A blob is kept once, belongs to the journals that put or adopted it, and goes
//! with the last of them.

use std::sync::Arc;

use async_trait::async_trait;
use mainstay_protocol::{
    Entry, JournalId, Row, RowChange, RowKey, RowSpec, Seq, TaskChange, TaskKey,
};
use tokio::sync::broadcast;

use crate::StoreError;

/// One atomic change of one journal and what is derived from it.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The journal written.
    pub journal: JournalId,
    /// The `seq` of the journal's last entry as the writer knows it; 0 for a new journal.
    pub expected_seq: Seq,
    /// The epoch of the writer's claim on the journal (`ClaimRequest` of the task
    /// `{kind: "session", subject: journal}`); 0 for journals that are not leased (control
    /// journals), whose writers are ordered by `expected_seq` alone.
    pub epoch: u64,
    /// New entries, sealed, following each other from `expected_seq + 1`.
    pub entries: Vec<Entry>,
    /// Rows put, inserted or deleted.
    pub rows: Vec<RowChange>,
    /// Tasks put or deleted.
    pub tasks: Vec<TaskChange>,
    /// A saved fold of this journal, replacing an older one.
    pub snapshot: Option<Snapshot>,
    /// Whether the entries before this commit's, the saved fold and the journal's blobs are removed
    /// with it. The journal goes on behind them; its first entry then names the hash of what is gone.
    /// Without an entry of its own it removes the blobs alone.
    pub erases: bool,
    /// Blobs of another journal that become this one's too.
    pub adopts: Option<Adoption>,
    /// Blobs that are this journal's no longer, by their hashes; those that it does not have are no
    /// matter.
    pub frees: Vec<String>,
}

/// Blobs that a journal takes over from another one, which keeps them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// The journal that has them; it is a conflict when it has one of them not.
    pub from: JournalId,
    /// Their hashes.
    pub hashes: Vec<String>,
}

/// A saved fold of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The position it is the fold of.
    pub seq: Seq,
    /// Version of the state's shape.
    pub version: u32,
    /// The state, opaque here.
    pub bytes: Arc<[u8]>,
}

/// Which way a range or scan goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From small to large.
    Ascending,
    /// From large to small.
    Descending,
}

/// A slice of a journal.
#[derive(Debug, Clone)]
pub struct EntryRange {
    /// Entries behind this position (ascending: greater than; descending: less than).
    pub after: Seq,
    /// Which way.
    pub direction: Direction,
    /// How many at the most.
    pub limit_count: usize,
}

impl EntryRange {
    /// The first entries behind `after`.
    #[must_use]
    pub fn following(after: Seq, limit_count: usize) -> Self {
        Self { after, direction: Direction::Ascending, limit_count }
    }
}

/// A question to a row spec.
#[derive(Debug, Clone)]
pub struct RowScan {
    /// Name of the row spec.
    pub spec: Arc<str>,
    /// The columns that order the scan: empty for the key's order, else one of the spec's declared
    /// indexes (named whole); the key breaks ties.
    pub index: Vec<Arc<str>>,
    /// Values that the leading columns of that order must equal.
    pub prefix: Vec<Arc<str>>,
    /// Begin behind this row (a cursor is a key; the row may be gone meanwhile only in key order:
    /// in index order a missing cursor row is `StoreError::Invalid`).
    pub after: Option<RowKey>,
    /// Which way.
    pub direction: Direction,
    /// How many at the most.
    pub limit_count: usize,
}

/// What a scan found.
#[derive(Debug, Clone)]
pub struct RowPage {
    /// The rows, in the scan's order.
    pub rows: Vec<Row>,
    /// Whether rows follow behind the last one.
    pub has_more: bool,
}

/// What a claimer wants.
#[derive(Debug, Clone)]
pub enum ClaimWhat {
    /// Tasks of a kind that are due and not leased, newest due time first.
    Due {
        /// Kind of task.
        kind: Arc<str>,
        /// How many at the most.
        limit_count: usize,
    },
    /// This very subject, whether or not a task stands for it.
    One(TaskKey),
}

/// A request for leases.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// What is wanted.
    pub what: ClaimWhat,
    /// Who claims; a name unique to the process.
    pub owner: Arc<str>,
    /// The time now, Unix milliseconds.
    pub now_ms: u64,
    /// How long the lease holds without renewal.
    pub lease_ms: u64,
}

/// A lease: the right to write one subject's journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The subject.
    pub key: TaskKey,
    /// Its fencing number, greater than every earlier one of the same subject.
    pub epoch: u64,
    /// When it ends unless renewed, Unix milliseconds.
    pub until_ms: u64,
}

/// A store's state for health checks and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Name of the backend.
    pub backend: &'static str,
    /// Commits made durable since start.
    pub commit_count: u64,
    /// Times the disk was flushed since start (0 where the backend cannot tell).
    pub flush_count: u64,
    /// Commits waiting.
    pub queue_count: usize,
}

/// Tells that tasks became due or journals grew: a hint, never a promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskHint {
    /// The journal that changed.
    pub journal: JournalId,
    /// Its last entry's position.
    pub seq: Seq,
}

/// How many hints a slow watcher may be behind before it loses the oldest.
pub const WATCH_QUEUE_LIMIT_COUNT: usize = 4096;

/// Durable memory of everything.
#[async_trait]
pub trait Store: Send + Sync {
    /// Creates or upgrades the schema for these row specs. Idempotent; called once before all else.
    async fn migrate(&self, specs: &'static [RowSpec]) -> Result<(), StoreError>;

    /// The only write. On `Ok` everything in the commit is durable; on `Err` nothing is.
    /// Commits with the same journal are applied in the order of the calls.
    async fn commit(&self, commit: Commit) -> Result<(), StoreError>;

    /// A slice of a journal, in the range's direction, without gaps.
    async fn entries(
        &self,
        journal: &JournalId,
        range: EntryRange,
    ) -> Result<Vec<Entry>, StoreError>;

    /// The latest saved fold of a journal.
    async fn snapshot(&self, journal: &JournalId) -> Result<Option<Snapshot>, StoreError>;

    /// One row.
    async fn row(&self, key: &RowKey) -> Result<Option<Row>, StoreError>;

    /// Rows in key order or in the order of a declared index.
    async fn rows(&self, scan: RowScan) -> Result<RowPage, StoreError>;

    /// Leases what is asked for and free (or expired, or held by the same owner). A subject held
    /// by another owner is left out of the answer.
    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claim>, StoreError>;

    /// Prolongs leases; answers those that still hold. `lease_ms` 0 gives them up.
    async fn renew(
        &self,
        claims: &[Claim],
        now_ms: u64,
        lease_ms: u64,
    ) -> Result<Vec<Claim>, StoreError>;

    /// Hints about commits, of this process at least. A slow receiver loses hints.
    fn watch(&self) -> broadcast::Receiver<TaskHint>;

    /// Keeps bytes for a journal under their SHA-256 (hexadecimal), durable on return. Idempotent. What
    /// is kept for a journal that has no entry when the store is next opened is gone.
    async fn put_blob(&self, journal: &JournalId, bytes: &[u8]) -> Result<String, StoreError>;

    /// The bytes of a hash, if the journal has them.
    async fn blob(&self, journal: &JournalId, hash: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Whether the store answers.
    async fn health(&self) -> Result<Health, StoreError>;
}
