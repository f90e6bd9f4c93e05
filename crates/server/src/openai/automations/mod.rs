//! `/v1/agents/automations`: sessions and messages at given times. One endpoint, one file.

mod create;
mod delete;
mod environment;
mod get;
mod import;
pub(crate) mod invocations;
mod list;
mod object;
mod params;
mod pause;
mod resume;
mod target;
mod update;

pub(crate) use create::{CREATE, create};
pub(crate) use delete::{DELETE, delete};
pub use environment::SessionEnvironments;
pub(crate) use get::{GET, get};
pub(crate) use import::{IMPORT, import};
pub(crate) use list::{LIST, list};
pub(crate) use object::{AUTOMATION, show};
pub(crate) use pause::{PAUSE, pause};
pub(crate) use resume::{RESUME, resume};
pub(crate) use update::{UPDATE, update};
