//! End-to-end tests of the real binary: the servers they call, and what starts and talks to it.

pub mod harness;
pub mod model_server;
