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

pub(crate) use kept::Kept;
pub(crate) use memory::open_log;
pub(crate) use outcome::Ended;
pub(crate) use program::program;
pub(crate) use request::{Command, Place, cannot_start, exec, exec_fate};
pub(crate) use run::{read_now, unblock};
pub(crate) use tree::Tree;
