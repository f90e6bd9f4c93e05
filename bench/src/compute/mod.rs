//! Compute: how soon a machine answers, what a call in it costs, and what it takes while nobody calls.
//!
//! Invariant: measured at the drivers, at the agent and at the hub, beside the bare program on the host in
//! the same run. Deliberately absent: the HTTP API, whose cost the doors' figures have.

mod figures;
mod hub;
mod machine;
mod measure;
mod microvm;
mod neighbour;
mod process;

pub(crate) use measure::measure;
