//! `cargo xtask test`: every check and test of the repository, as continuous integration runs it.
//!
//! Invariant: a failing stage never hides a later one, and nothing is left out without saying so.

mod command;
mod node;
mod stages;
mod tally;

pub(crate) use command::{Arguments, run};
pub(crate) use stages::BUILD_PROGRAMS;
