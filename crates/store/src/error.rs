//! What can go wrong in a store, by what the caller does next.

use mainstay_protocol::{ErrorCode, JournalId, Seq};

/// A store's failure.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The journal or an inserted row is not where the commit expected it: reload and decide again.
    #[error("commit to journal {journal} conflicts: {what}")]
    Conflict {
        /// The journal of the commit.
        journal: JournalId,
        /// What did not hold, for logs.
        what: String,
    },
    /// The lease behind this epoch is gone: stop writing this journal.
    #[error("journal {journal} was fenced: epoch {epoch} is no longer the writer's")]
    Fenced {
        /// The journal of the commit.
        journal: JournalId,
        /// The stale epoch.
        epoch: u64,
    },
    /// The queue before the writer is full: answer *overloaded*.
    #[error("the store's queue of {limit_count} commits is full")]
    Overloaded {
        /// The queue's bound.
        limit_count: usize,
    },
    /// The disk is full; nothing of the commit was kept.
    #[error("the disk of the store is full")]
    DiskFull(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store does not answer now: back off and try again.
    #[error("the store is unavailable: {what}")]
    Unavailable {
        /// What was attempted.
        what: String,
        /// Why it failed.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// What is stored contradicts itself: stop, tell a person.
    #[error("stored data is corrupt: {what}")]
    Corrupt {
        /// What was found, and where.
        what: String,
        /// The position, when it is an entry's.
        at: Option<(JournalId, Seq)>,
    },
    /// The request cannot be served by any retry: an unknown row spec, a cursor of another scan.
    #[error("invalid store request: {what}")]
    Invalid {
        /// What was asked.
        what: String,
    },
}

impl StoreError {
    /// The code a client sees.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Conflict { .. } | Self::Fenced { .. } => ErrorCode::Conflict,
            Self::Overloaded { .. } => ErrorCode::Overloaded,
            Self::DiskFull(_) => ErrorCode::DiskFull,
            Self::Unavailable { .. } => ErrorCode::StoreUnavailable,
            Self::Corrupt { .. } => ErrorCode::JournalCorrupt,
            Self::Invalid { .. } => ErrorCode::Internal,
        }
    }
}
