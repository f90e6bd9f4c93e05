//! `/v1/keys`: keys of the caller's tenant; the scope `admin` is needed.

mod create;
mod list;
mod revoke;
mod show;
mod spend;
mod update;

pub(crate) use create::{CREATE, create};
pub(crate) use list::{LIST, list};
pub(crate) use revoke::{REVOKE, revoke};
pub use show::{KEY_SECRET_PREFIX, mint_secret};
pub(crate) use update::{UPDATE, update};
