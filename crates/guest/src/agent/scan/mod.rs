//! What is in the workspace, and what of it changed since a scan that the host knows.
//!
//! Invariant: what changed after a scan looked at it is in the next one, even if the clock did not move
//! on. Deliberately absent: contents; the host reads those of what changed.

mod request;
mod table;
mod tree;
mod walk;

pub(crate) use request::{Scans, scan};
