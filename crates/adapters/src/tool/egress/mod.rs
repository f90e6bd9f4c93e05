//! The way out: HTTP to listed hosts, and to no private address that the operator has not listed.
//!
//! Invariant: the address that is checked is the address that is connected to, on every hop.
//! Deliberately absent: proxies, which would take both the resolution and the check away from here.

mod address;
mod client;
mod hosts;
mod redirect;
mod refusal;
mod resolver;
mod response;

pub(crate) use address::is_public;
pub(crate) use client::{Egress, IDEMPOTENCY_KEY, Outgoing};
pub(crate) use hosts::AllowedHosts;
pub(crate) use refusal::EgressError;
pub use resolver::{Lookup, SystemLookup};
pub(crate) use response::{Incoming, MAX_RESPONSE_BYTES, retry_after_ms};
