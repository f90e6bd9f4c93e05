//! Seeded simulation: the real core and runtime over the memory store, with a simulated clock,
//! scripted models and tools, and faults. One seed is one run; the same seed gives the same bytes.
//!
//! Deliberately absent: the HTTP server and the SQL stores, whose tests use the real things.

#![expect(clippy::disallowed_methods, reason = "the simulation is where simulated time is made")]

mod actors;
mod chance;
mod check;
mod clock;
mod faults;
mod machine_checks;
mod machines;
mod model;
mod node;
mod report;
mod run;
mod subagents;
mod world;

pub use report::Report;
pub use run::{Options, simulate};
