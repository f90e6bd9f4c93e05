//! `mainstay model`: the models that this binary can run itself.

mod command;
mod list;
mod pull;
mod rm;
mod verify;

pub(crate) use command::{Arguments, run};
