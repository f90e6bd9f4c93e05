//! `/v1/agents/automations`: sessions and messages at given times. One endpoint, one file.

mod create;
mod delete;
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

pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use get::get;
pub(crate) use import::import;
pub(crate) use list::list;
pub(crate) use object::{AUTOMATION, show};
pub(crate) use pause::pause;
pub(crate) use resume::resume;
pub(crate) use update::update;
