//! The Agents API's objects, requests and events, exactly as the official SDKs (`openai` 3.54)
//! read and write them, with Mainstay's extensions as extra members.
//!
//! Invariant: requests refuse what they do not know and name it by its path; responses write every
//! documented member, `null` when it has no value, and times in Unix seconds. Extensions are extra
//! members or input types, never new event or item types, which strict clients would refuse.
//! Deliberately absent: routes, authentication, the store, and the runtime's own words (the door
//! translates); computer-use items, which no part of Mainstay emits.

mod action;
mod agent;
mod agent_params;
mod artifact;
mod at;
mod capability_params;
mod chat_completion;
mod chat_content;
mod chat_message;
mod chat_params;
mod chat_tool;
mod content;
mod deleted;
mod environment;
mod environment_params;
mod error;
mod event;
mod event_make;
mod input;
mod item;
mod limits;
mod list;
mod parse;
mod patch;
mod query;
mod session;
mod session_params;
mod settings;
mod sse;
mod strict;
mod subagent;
mod tool;
mod tool_check;
mod tool_params;
mod trace;
mod turn;

pub use action::*;
pub use agent::*;
pub use agent_params::*;
pub use artifact::*;
pub use at::{At, Validate};
pub use capability_params::*;
pub use chat_completion::*;
pub use chat_content::*;
pub use chat_message::*;
pub use chat_params::*;
pub use chat_tool::*;
pub use content::*;
pub use deleted::*;
pub use environment::*;
pub use environment_params::*;
pub use error::*;
pub use event::*;
pub use event_make::Place;
pub use input::*;
pub use item::*;
pub use limits::*;
pub use list::List;
pub(crate) use parse::{nested, parse_at, take_tag, unknown_tag};
pub use parse::{parse_body, parse_value};
pub use patch::Patch;
pub(crate) use patch::not_null;
pub(crate) use query::Pairs;
pub use query::*;
pub use session::*;
pub use session_params::*;
pub use settings::*;
pub use sse::*;
pub use subagent::*;
pub use tool::*;
pub(crate) use tool_check::validate_tools as check_tools;
pub use tool_params::*;
pub use trace::*;
pub use turn::*;

#[cfg(test)]
mod tests;
