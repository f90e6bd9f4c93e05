//! Files of the machine for the host.
//!
//! Invariant: all of it runs on a thread that is confined as commands are, so a link leads the host
//! nowhere that a command could not go. Nothing blocks on what is not a file: pipes and devices are
//! refused.

mod change;
mod list;
mod path;
mod read;
mod stat;
mod write;

pub(crate) use change::{make_folder, make_link, remove};
pub(crate) use list::list;
use path::{checked, refused};
pub(crate) use read::read;
pub(crate) use stat::stat_of;
pub(crate) use write::{Target, write};
