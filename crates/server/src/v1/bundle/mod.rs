//! Sessions in one file, and copies of sessions: extensions of the Agents API.

mod export;
mod fork;
mod import;

pub(crate) use export::export;
pub(crate) use fork::fork;
pub(crate) use import::import;
