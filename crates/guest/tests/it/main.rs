//! The agent in bubblewrap, driven through the host's side.

mod code;
mod egress;
mod exec;
mod files;
mod hostile;
mod scan;
mod support;
mod terminal;
