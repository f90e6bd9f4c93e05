//! `mainstay bundle`: sessions in one file.

mod command;
mod export;
mod import;
mod verify;

pub(crate) use command::{Arguments, run};
