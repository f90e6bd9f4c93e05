//! OAuth for MCP servers: consent that a person gives, and tokens that a client gets by itself.
//!
//! Invariant: every request goes out by the rules of the egress; what a server publishes about itself is
//! checked before it is used (resource, issuer, PKCE), and nothing is guessed when it publishes nothing.
//! Deliberately absent: keeping anything. What completes a consent is handed out to be sealed.

mod begin;
mod challenge;
mod client;
mod complete;
mod flow;
mod http;
mod registration;
mod settings;

pub(super) use begin::{Begun, begin};
pub(super) use challenge::Challenge;
pub(super) use client::{ClientToken, client_token};
pub(super) use complete::complete;
pub use settings::{CALLBACK_PATH, CLIENT_METADATA_PATH, OauthClient, OauthGrant, OauthSettings};
