//! `/v1/agents/sessions`: sessions, what goes in and comes out, their turns and items.

pub(crate) mod artifacts;
mod create;
mod delete;
pub(crate) mod events;
mod get;
pub(crate) mod items;
mod list;
mod rows;
pub(crate) mod subagents;
mod traces;
pub(crate) mod turns;
mod update;

pub(crate) use create::{CREATE, agent_of, check_vaults, create};
pub(crate) use delete::{DELETE, delete};
pub(crate) use events::message_content;
pub(crate) use get::{GET, get};
pub(crate) use list::{LIST, list};
pub(crate) use rows::{SessionRows, config as session_config, find as find_session, turn_of};
pub(crate) use traces::{TRACES, traces};
pub(crate) use update::{UPDATE, update};
