//! The rules: commands in, facts and effects out.
//!
//! Invariant: pure; all or nothing; the returned state is the fold of the returned facts over the
//! state given. One file per kind of command or answer; `advance` decides what happens next after
//! any of them.

mod advance;
mod approval;
mod call;
mod checkpoint;
mod close;
mod command;
mod draft;
mod input;
mod model;
mod operate;
mod outcome;
mod question;
mod recover;
mod respond;
mod subagent;
mod tool;
mod unknown;
mod update;

pub use call::MAX_PARALLEL_CALLS;
pub use command::{Decision, decide};
pub use input::{MAX_INPUT_MESSAGES, MAX_QUEUED_TURNS};
pub use respond::MAX_GIVEN_ITEMS;
