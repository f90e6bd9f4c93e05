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

pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use event_types::event_types;
pub(crate) use get::get;
pub(crate) use import::import;
pub(crate) use list::list;
pub(crate) use object::ENDPOINT;
pub(crate) use rotate_secret::rotate_secret;
pub(crate) use test::test;
pub(crate) use update::update;
