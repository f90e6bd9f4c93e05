//! Sessions in one file, and copies of sessions: extensions of the Agents API.

mod export;
mod fork;
mod import;

pub(crate) use export::{EXPORT, export};
pub(crate) use fork::{FORK, fork};
pub(crate) use import::{IMPORT, import};
