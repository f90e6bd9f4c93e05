//! The scripted server: a model that answers as the request's own script says, and tools that count
//! their effects.
//!
//! Invariant: an answer depends on the request alone, and on how often its idempotency key came
//! before; so the server can outlive or be restarted beside whatever is tested. It is built to cost
//! little: it shares its processors with the server that is measured. A request is read as JSON
//! only where its script takes something from it.

mod chat;
mod fill;
mod find;
mod http;
mod openapi;
mod reply;
mod responses;
mod script;
mod state;
mod tool;

#[cfg(test)]
mod tests;

pub use http::{ScriptedServer, serve};
pub use script::{Call, Fault, FaultKind, Finish, Script, Step};
pub use state::{ModelStats, State, ToolStats};
