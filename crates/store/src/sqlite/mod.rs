//! The default store: one SQLite file in the data folder, written by one thread.
//!
//! Invariant: one process owns the folder, one thread writes, and a commit is answered only behind
//! the flush of the group it belongs to.

mod apply;
mod blobs;
mod desk;
mod error;
mod folder;
mod frames;
mod heads;
mod herd;
mod migrate;
mod options;
mod owners;
mod queue;
mod read;
mod readers;
mod schema;
mod sql;
mod store;
mod wal;
mod witness;
mod work;
mod writer;

pub use options::SqliteOptions;
pub use store::SqliteStore;
