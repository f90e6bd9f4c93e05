//! `mainstay sandbox`: the machines of sessions.

mod checkpoint;
mod checkpoints;
mod command;
mod exec;
mod keyboard;
mod list;
mod logs;
mod park;
mod restore;
mod rm;
mod shell;
mod show;

pub(crate) use command::{Arguments, run};
