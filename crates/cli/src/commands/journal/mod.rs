//! `mainstay journal`: what a session was, and the proof of it.

mod command;
mod export;
mod list;
mod show;
mod verify;

pub(crate) use command::{Arguments, run};
