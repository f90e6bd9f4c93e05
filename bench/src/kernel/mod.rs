//! The kernel: sessions, turns and steps over HTTP, on the embedded store.
//!
//! Invariant: model calls and tools are answered at once by this process; a step is one model call
//! or one tool call, so a turn with N tools has 2 N + 1.

mod crash;
mod figures;
mod growth;
mod load;
mod measure;
mod parked;
mod spikes;
mod start;
mod steps;

pub(crate) use measure::measure;
