//! What crosses Mainstay's boundaries: typed ids, error codes, journal envelopes, row and task data.
//!
//! Invariant: only serde and hashing live here, so that every crate can depend on it cheaply.
//! Deliberately absent: the kinds of entries (they belong to `core`) and the shapes of any one wire
//! API (they belong to the server module that speaks it).

mod canonical;
mod entry;
mod error;
mod id;
mod principal;
mod row;
mod usage;

pub use canonical::{CanonicalError, canonical_json, canonical_value, sha256_hex};
pub use entry::{ChainError, Entry, EntryDraft, Hash, JournalId, Seq};
pub use error::{ApiError, ErrorCode};
pub use id::*;
pub use principal::{Principal, Scope};
pub use row::{MAX_KEY_COLUMNS, Row, RowChange, RowKey, RowSpec, TaskChange, TaskKey};
pub use usage::Usage;
