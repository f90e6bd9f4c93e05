//! Commands: started once for an effect, followed to their end, remembered.
//!
//! Invariant: what is started has its whole standard input, so that a host that vanishes while it sends
//! starts nothing. A host that vanishes later ends nothing.

mod kept;
mod memory;
mod outcome;
mod program;
mod request;
mod run;
mod tree;

pub(crate) use outcome::Ended;
pub(crate) use request::{Command, exec, exec_fate};
