//! Agents between their two forms: what clients of this API write and read, and what sessions keep.
//!
//! Invariant: what a client reads back is made from the definition that runs, plus the few settings
//! that only this API has ([`AgentExtras`]); nothing is kept twice, and no secret is shown.

mod change;
mod extras;
mod machine;
mod show;
mod tools;

pub(crate) use change::{AgentDraft, created, overridden, updated};
pub(crate) use extras::AgentExtras;
pub(crate) use machine::with_machine_tools;
pub(crate) use show::{show_agent, show_session_agent};
