//! What this machine can do, found by trying it.
//!
//! Invariant: looking changes nothing but what a probe makes and removes, and ends within a time limit.
//! The shape of the report is a contract with scripts (`docs/compute.md`): members are added, never
//! changed.

mod look;
mod report;
mod words;

pub(crate) use look::look;
pub(crate) use words::words;
