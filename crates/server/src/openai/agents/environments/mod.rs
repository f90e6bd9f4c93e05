//! `/v1/agents/environments`: machines for sessions, and templates of them.
//!
//! Invariant: an environment is a session's, and its id follows from the session's. Whether a machine can
//! be had is asked before a session is made; templates are settings and need none.

mod create;
mod files;
mod get;
mod hosted;
mod list;
mod made;
mod object;
mod path;
mod self_hosted;
pub(crate) mod templates;

pub(crate) use create::{CREATE, create};
pub(crate) use files::{CREATE_FILE, LIST_FILES, create as create_file, list as list_files};
pub(crate) use get::{GET, get};
pub(crate) use list::{LIST, list};
pub(crate) use made::made;
