//! `/v1/agents/sessions/{session}/artifacts`: files that completed turns left under `artifacts/`.
//!
//! Invariant: an artifact is what the journal says was written, whole, so that it cannot change and
//! goes with the journal into forks and bundles, whatever becomes of the workspace. The last write of
//! a path in a turn is the turn's artifact. Deliberately absent: files that anything but the file
//! tools wrote; that takes a machine.

mod content;
mod delete;
mod get;
mod left;
mod list;

pub(crate) use content::{CONTENT, content};
pub(crate) use delete::{DELETE, delete};
pub(crate) use get::{GET, get};
pub(crate) use list::{LIST, list};
