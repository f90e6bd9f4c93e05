//! `cargo xtask setup`: detects what is missing and installs it.
//!
//! Invariant: idempotent, and nothing is downloaded or asked for when all is there.

mod cargo_tools;
mod command;
mod debian;
mod python;

pub(crate) use command::{Arguments, Purpose, ensure, run};
pub(crate) use python::interpreter as python_interpreter;
