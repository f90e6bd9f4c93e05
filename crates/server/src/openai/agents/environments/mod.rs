//! `/v1/agents/environments`: machines for sessions, and templates of them.
//!
//! Invariant: without a sandbox driver no machine exists, so that none is listed or found and making
//! one is refused in plain words. Templates are settings and need no driver.

mod create;
mod files;
mod get;
mod list;
mod shape;
pub(crate) mod templates;

pub(crate) use create::{CREATE, NO_COMPUTE, create};
pub(crate) use files::{CREATE_FILE, LIST_FILES, create as create_file, list as list_files};
pub(crate) use get::{GET, get};
pub(crate) use list::{LIST, list};
