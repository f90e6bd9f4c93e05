//! One suite that every backend passes.
//!
//! Invariant: a case uses the trait alone, so that it holds for any backend. Deliberately absent:
//! what is peculiar to one backend (files, flushes, damage); its own tests have that.

mod blobs;
mod chain;
mod commits;
mod entries;
mod leases;
mod rows;
mod scans;
mod suite;

pub use chain::{Chain, SPECS, note, thing};
pub use suite::run_all;
