//! `mainstay sessions`: what was asked of agents, and where it stands.

mod cancel;
mod command;
mod follow;
mod list;
mod show;

pub(crate) use command::{Arguments, run};
