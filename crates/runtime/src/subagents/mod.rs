//! Subagents: the calls by which an agent has them, and what follows from what becomes of either.
//!
//! Invariant: a subagent's id follows from the effect that makes it, so that a second attempt finds what
//! the first one made. What a subagent's rest, or its parent's end, asks of the other is a task of the
//! commit that says so, and is done after any crash. Deliberately absent: a second way to write; all of
//! it is commands to sessions.

mod call;
mod create;
mod desk;
mod follow;
mod imported;
mod rows;
mod wait;

pub(crate) use call::{Told, call};
pub(crate) use desk::{Subagents, start};
pub(crate) use follow::{follow_ups, is_follow_up};
pub(crate) use imported::has_parent;
