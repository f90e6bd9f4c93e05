//! `cargo xtask setup`: detects what is missing and installs it.
//!
//! Invariant: idempotent, and nothing is downloaded or asked for when all is there.

mod cargo_tools;
mod command;
mod debian;
mod node;
mod openai_suite;
mod pinned;
mod python;

pub(crate) use command::{Arguments, Purpose, ensure, run};
pub(crate) use node::folder as node_tests;
pub(crate) use openai_suite::folder as openai_suite;
pub(crate) use python::interpreter as python_interpreter;
