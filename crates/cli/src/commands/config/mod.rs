//! `mainstay config`: what is configured, and what can be.

mod check;
mod command;
mod example;
mod print;
mod schema;

pub(crate) use command::{Arguments, run};
