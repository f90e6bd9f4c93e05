//! Implementations of Mainstay's ports: models, tools, sandboxes, and the vault's encryption.
//!
//! Invariant: an adapter knows its port and the outside world, and nothing of the store, the journal
//! or the server. Deliberately absent: retries of effects, which the runtime decides.

pub mod http_client;
pub mod model;
pub mod sandbox;
pub mod secret;
pub mod tool;
pub mod vault;
