//! `/v1/agents`: saved agents, and sessions below them. One endpoint, one file.

mod create;
pub(crate) mod definition;
mod delete;
pub(crate) mod environments;
mod get;
mod import;
mod list;
pub(crate) mod page;
pub(crate) mod sessions;
mod update;

pub(crate) use create::{CREATE, create};
pub(crate) use delete::{DELETE, delete};
pub(crate) use get::{GET, find as find_agent, find_by_name as find_agent_by_name, get};
pub(crate) use import::{IMPORT, import};
pub(crate) use list::{LIST, list};
pub(crate) use update::{UPDATE, update};
