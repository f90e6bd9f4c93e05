//! The transcript since the last compaction.
//!
//! Invariant: append and clone cost the same at any length.

mod call_ids;
mod list;

pub use list::{Transcript, item_bytes};
