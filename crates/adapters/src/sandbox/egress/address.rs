//! A destination as a machine names it.

use std::fmt;

use hyper::http::uri::Authority;
use url::Host;

use super::limits::MAX_SHOWN_BYTES;
use super::refusal::Refusal;

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) host: Host<String>,
    pub(super) port: u16,
}

impl Destination {
    /// Reads what stands in a request; without a port it is `default_port`.
    pub(super) fn parse(authority: &Authority, default_port: Option<u16>) -> Result<Self, Refusal> {
        let bad = |reason: &str| {
            let shown: String = authority.as_str().chars().take(MAX_SHOWN_BYTES).collect();
            Refusal::BadRequest(format!("{shown:?} {reason}"))
        };
        if authority.as_str().contains('@') {
            return Err(bad("holds a user name"));
        }
        let host = authority.host().trim_end_matches('.');
        let host = Host::parse(host).map_err(|_| bad("names no host"))?;
        if matches!(&host, Host::Domain(name) if name.len() > MAX_SHOWN_BYTES) {
            return Err(bad("is too long for a host"));
        }
        let port = match (authority.port_u16(), default_port) {
            (Some(0), _) | (None, None) => return Err(bad("names no port")),
            (Some(port), _) | (None, Some(port)) => port,
        };
        Ok(Self { host, port })
    }

    /// The same host, borrowed.
    pub(super) fn host(&self) -> Host<&str> {
        match &self.host {
            Host::Domain(name) => Host::Domain(name),
            Host::Ipv4(address) => Host::Ipv4(*address),
            Host::Ipv6(address) => Host::Ipv6(*address),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}
