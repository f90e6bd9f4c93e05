//! The one place that builds HTTP clients.
//!
//! Invariant: a client made here follows no redirect, asks the environment for no proxy, speaks TLS
//! through rustls alone, and gives up connecting within a named time. Deliberately absent: bounds on
//! whole calls and on bodies, which belong to whoever knows what is being called.

use std::time::Duration;

use reqwest::{Client, ClientBuilder, redirect};

/// How long making a connection may take, TLS included.
pub const CONNECT_TIMEOUT_MS: u64 = 10_000;
/// How long an unused connection is kept.
pub const POOL_IDLE_TIMEOUT_MS: u64 = 90_000;
/// How many unused connections are kept for one host.
pub const MAX_POOL_IDLE_PER_HOST: usize = 256;
/// How often an open connection without traffic is probed, so that a dead peer is noticed.
pub const KEEPALIVE_INTERVAL_MS: u64 = 30_000;

/// What every client is called in `user-agent` headers.
const USER_AGENT: &str = concat!("mainstay/", env!("CARGO_PKG_VERSION"));

/// An HTTP client could not be made (no TLS back end, no resolver).
#[derive(Debug, thiserror::Error)]
#[error("make an HTTP client")]
pub struct HttpClientError(#[from] reqwest::Error);

/// A client for model providers: one is made at start and shared by all of them.
pub fn provider_client() -> Result<Client, HttpClientError> {
    Ok(client_builder().build()?)
}

/// The settings every client shares; a caller may add a resolver or pinned addresses before it
/// builds, and must not relax what this module promises.
#[expect(clippy::disallowed_methods, reason = "this is the one place that builds clients")]
pub fn client_builder() -> ClientBuilder {
    Client::builder()
        .user_agent(USER_AGENT)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .tcp_nodelay(true)
        .tcp_keepalive(Duration::from_millis(KEEPALIVE_INTERVAL_MS))
        .connect_timeout(Duration::from_millis(CONNECT_TIMEOUT_MS))
        .pool_idle_timeout(Duration::from_millis(POOL_IDLE_TIMEOUT_MS))
        .pool_max_idle_per_host(MAX_POOL_IDLE_PER_HOST)
}
