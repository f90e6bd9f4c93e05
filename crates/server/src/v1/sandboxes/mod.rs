//! `/v1/sandboxes`: the machines of sessions, for whoever operates them.
//!
//! Invariant: a sandbox has the id of its session, and is seen by its session's tenant alone. Whatever
//! changes a machine needs the scope `admin` and is in the session's journal with who did it.
//! Deliberately absent: files and checkpoints, which have routes of their own under environments and
//! sessions.

mod exec;
mod find;
mod get;
mod list;
mod logs;
mod object;
mod park;
mod remove;
mod restore;
mod terminal;

pub(crate) use exec::{EXEC, exec};
pub(crate) use get::{GET, get};
pub(crate) use list::{LIST, list};
pub(crate) use logs::{LOGS, logs};
pub(crate) use park::{PARK, park};
pub(crate) use remove::{REMOVE, remove};
pub(crate) use restore::{RESTORE, restore};
pub(crate) use terminal::terminal;
