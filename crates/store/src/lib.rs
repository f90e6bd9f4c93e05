//! The journal store: one narrow trait, its backends, and the suite that all of them pass.
//!
//! Invariant: a store knows entries, rows, tasks, snapshots and blobs, and never what they mean.

mod check;
pub mod conformance;
mod error;
mod leases;
mod memory;
mod port;
mod sqlite;

pub use error::StoreError;
pub use memory::MemoryStore;
pub use port::{
    Adoption, Claim, ClaimRequest, ClaimWhat, Commit, Direction, EntryRange, Health, RowPage,
    RowScan, Snapshot, Store, TaskHint, WATCH_QUEUE_LIMIT_COUNT,
};
pub use sqlite::{SqliteOptions, SqliteStore};
