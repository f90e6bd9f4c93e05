//! `mainstay image`: the root images of sandboxes.

mod build;
mod command;
mod import;
mod list;
mod rm;

pub(crate) use command::{Arguments, run};
