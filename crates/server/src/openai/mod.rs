//! The OpenAI door: the Agents API as the official SDKs speak it.

pub(crate) mod agents;
pub mod automations;
pub(crate) mod chat;
pub(crate) mod conversations;
pub(crate) mod project;
pub(crate) mod resource;
pub(crate) mod responses;
pub(crate) mod transcript;
pub(crate) mod vaults;
pub(crate) mod webhooks;
pub mod wire;
