//! `/v1/agents/environments/templates`: settings for environments, kept for use by name.
//!
//! Invariant: values of variables, set-up commands, files and archives are sealed and never shown.
//! A session that names a template has its settings under those that it gives itself.

mod create;
mod delete;
mod get;
mod import;
mod list;
mod object;
mod params;
mod update;
mod used;

pub(crate) use create::{CREATE, create};
pub(crate) use delete::{DELETE, delete};
pub(crate) use get::{GET, get};
pub(crate) use import::{IMPORT, import};
pub(crate) use list::{LIST, list};
pub(crate) use object::TEMPLATE;
pub(crate) use update::{UPDATE, update};
pub(crate) use used::template_settings;
