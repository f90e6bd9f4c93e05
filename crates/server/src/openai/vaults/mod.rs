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

pub(crate) use create::{CREATE, create};
pub(crate) use delete::{DELETE, delete};
pub(crate) use get::{GET, get};
pub(crate) use import::{IMPORT, import};
pub(crate) use list::{LIST, VAULT_FILTER, list};
pub(crate) use object::VAULT;
pub(crate) use params::{MAX_VAULT_NAME_BYTES, check_name, trimmed};
pub(crate) use update::{UPDATE, update};
