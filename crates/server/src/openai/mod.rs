//! The OpenAI door: the Agents API as the official SDKs speak it.

pub(crate) mod agents;
pub(crate) mod conversations;
pub(crate) mod project;
pub(crate) mod responses;
pub mod wire;
