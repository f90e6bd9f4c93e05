//! Session bundles: a session in one file, to be taken elsewhere. The format is specified in
//! `docs/spec/session-bundle.md`.
//!
//! Invariant: what is written is read again by every later version; what does not verify is not read.
//! Deliberately absent: making a session of it ([`crate::Engine::import`]).

mod archive;
mod manifest;
mod read;
mod sign;
mod write;

pub use manifest::{BUNDLE_VERSION, BundledAgent, Manifest};
pub use read::{Bundle, BundleError, MAX_BUNDLE_BYTES, read_bundle};
pub use write::write_bundle;
