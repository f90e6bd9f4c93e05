//! `/v1/agents/automations/{automation}/invocations`: the times that an automation ran.

mod create;
mod get;
mod import;
mod list;
mod object;

pub(crate) use create::{CREATE, create};
pub(crate) use get::{GET, get};
pub(crate) use import::{IMPORT, import};
pub(crate) use list::{LIST, list};
