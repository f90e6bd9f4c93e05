//! The HTTP doors of Mainstay: one module for each API that clients speak.
//!
//! Invariant: a door parses, authenticates and translates; it never writes to the store.

mod auth;
mod closing;
mod error;
mod executor;
mod extract;
mod gate;
mod health;
mod kept;
pub mod limits;
mod metrics;
pub mod openai;
mod openapi;
mod router;
mod routes;
mod serve;
mod sse;
mod stall;
mod state;
mod unread;
mod v1;

pub use limits::ServerLimits;
pub use openai::automations::SessionEnvironments;
pub use openapi::openapi_document;
pub use router::router;
pub use serve::serve;
pub use state::{AppState, ServerSettings};
pub use v1::keys::{KEY_SECRET_PREFIX, mint_secret};
