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

pub(crate) use create::create;
pub(crate) use delete::delete;
pub(crate) use get::get;
pub(crate) use import::import;
pub(crate) use list::list;
pub(crate) use object::CREDENTIAL;
pub(crate) use update::update;
