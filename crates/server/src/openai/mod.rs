//! The OpenAI door: the Agents API as the official SDKs speak it.

pub mod wire;
