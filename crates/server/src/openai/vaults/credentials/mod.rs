//! `/v1/vaults/{vault}/credentials`: secrets that go in and never come out. One endpoint, one file.

mod check;
mod create;
mod delete;
mod get;
mod import;
mod list;
mod object;
mod params;
mod rotate;
mod rotate_params;
mod safe;
mod update;

pub(crate) use create::{CREATE, create};
pub(crate) use delete::{DELETE, delete};
pub(crate) use get::{GET, get};
pub(crate) use import::{IMPORT, import};
pub(crate) use list::{LIST, list};
pub(crate) use object::CREDENTIAL;
pub(crate) use update::{UPDATE, update};
