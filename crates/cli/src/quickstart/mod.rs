//! The quickstart: an agent does a real task, its server is killed in the middle of a tool call, and
//! the session goes on to its answer.
//!
//! Invariant: everything shown happens: a real server process, a real kill, a real service that
//! counts what was done to it. Where no model can be had, a recorded one answers, and every line says
//! so. Deliberately absent: any way around the HTTP API.

mod billing;
mod check;
mod display;
mod farewell;
mod model;
mod prepare;
mod process;
mod record;
mod story;
mod task;
mod watch;

pub(crate) use story::{Options, run};
