//! `/v1/vaults`: credentials that sessions may use and nobody can read back. One endpoint, one file.

mod create;
pub(crate) mod credentials;
mod delete;
mod get;
mod import;
mod list;
mod object;
mod params;
mod update;

pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use get::get;
pub(crate) use import::import;
pub(crate) use list::list;
pub(crate) use object::VAULT;
pub(crate) use params::{check_name, trimmed};
pub(crate) use update::update;
