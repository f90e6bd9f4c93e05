//! Compute: how soon a machine answers, what a call in it costs, and what it takes while nobody calls.
//!
//! Invariant: measured at the drivers and at the agent, beside the bare program on the host in the same
//! run. Deliberately absent: the hub and the HTTP API, whose cost the doors' figures have.

mod figures;
mod machine;
mod measure;
mod microvm;
mod process;

pub(crate) use measure::measure;
