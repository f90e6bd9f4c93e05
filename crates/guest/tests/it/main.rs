//! The agent in bubblewrap, driven through the host's side.

mod exec;
mod files;
mod support;
