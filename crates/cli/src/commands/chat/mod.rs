//! `mainstay chat`: talk to an agent.

mod answer;
mod command;
mod turn;

pub(crate) use command::{Arguments, run};
