//! `/v1/agents/sessions/{session}/subagents`: agents that an agent made.
//!
//! Invariant: a session has the subagents of the whole tree below it; a subagent's turns and items are
//! those of the session that it is.

mod get;
mod items;
mod list;
mod rows;
mod turns;

pub(crate) use get::{GET, get};
pub(crate) use items::{ITEMS, items};
pub(crate) use list::{LIST, list};
pub(crate) use turns::{TURN, TURN_ITEMS, TURNS, turn, turn_items, turns};
