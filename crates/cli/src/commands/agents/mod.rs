//! `mainstay agents`: versioned definitions that sessions are made of.

mod command;
mod create;
mod delete;
mod list;
mod show;

pub(crate) use command::{Arguments, run};
