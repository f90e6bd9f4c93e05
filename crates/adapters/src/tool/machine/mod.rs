//! Tools that work in the session's machine: commands, code, files.
//!
//! Invariant: every call says when the machine is not the one that the calls before it had, so that a
//! model never counts on processes or variables that are gone. Deliberately absent: machines themselves,
//! which are the port's.

mod answer;
mod code;
mod files;
mod shell;
mod tools;

pub(crate) use code::code_specs;
pub(crate) use shell::shell_spec;
pub(crate) use tools::MachineTools;
