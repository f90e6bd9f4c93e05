//! `/v1/agents/automations/{automation}/invocations`: the times that an automation ran.

mod create;
mod get;
mod import;
mod list;
mod object;

pub(crate) use create::create;
pub(crate) use get::get;
pub(crate) use import::import;
pub(crate) use list::list;
