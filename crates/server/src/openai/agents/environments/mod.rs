//! `/v1/agents/environments`: machines for sessions, and templates of them.
//!
//! Invariant: without a sandbox driver no machine exists, so that none is listed or found and making
//! one is refused in plain words. Templates are settings and need no driver.

mod create;
mod files;
mod get;
mod list;
pub(crate) mod templates;

pub(crate) use create::{NO_COMPUTE, create};
pub(crate) use files::{create as create_file, list as list_files};
pub(crate) use get::get;
pub(crate) use list::list;
