//! End-to-end tests of the real binary, and the servers they call.

pub mod model_server;
