//! `/v1/webhook_endpoints`: where a tenant wants to be told what happens. One endpoint, one file.

mod create;
mod delete;
pub(crate) mod deliveries;
mod event_types;
mod get;
mod import;
mod list;
mod object;
mod params;
mod rotate_secret;
mod test;
mod update;

pub(crate) use create::{CREATE, create};
pub(crate) use delete::{DELETE, delete};
pub(crate) use event_types::{EVENT_TYPES, event_types};
pub(crate) use get::{GET, get};
pub(crate) use import::{IMPORT, import};
pub(crate) use list::{LIST, list};
pub(crate) use object::ENDPOINT;
pub(crate) use rotate_secret::{ROTATE_SECRET, rotate_secret};
pub(crate) use test::{TEST, test};
pub(crate) use update::{UPDATE, update};
