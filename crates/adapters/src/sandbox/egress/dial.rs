//! Connects to a destination: the rule, the addresses, the connection.
//!
//! Invariant: a name is looked up once for a connection, every address is checked, and one of those is
//! connected to.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Host;

use super::address::Destination;
use super::limits::{CONNECT_TIMEOUT_MS, LOOKUP_TIMEOUT_MS, MAX_ADDRESSES};
use super::refusal::Refusal;
use super::rule::Rule;
use super::settings::EgressSettings;
use crate::tool::egress::is_public;

/// A connection to a destination, or why there is none.
pub(super) async fn dial(
    settings: &EgressSettings,
    rule: &Rule,
    destination: &Destination,
) -> Result<TcpStream, Refusal> {
    rule.check(&destination.host(), destination.port)?;
    let addresses = addresses(settings, destination).await?;
    let mut cause = "it has no address".to_owned();
    for address in addresses.into_iter().take(MAX_ADDRESSES) {
        let connecting = TcpStream::connect(SocketAddr::new(address, destination.port));
        match timeout(Duration::from_millis(CONNECT_TIMEOUT_MS), connecting).await {
            Ok(Ok(stream)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "set TCP_NODELAY");
                }
                return Ok(stream);
            }
            Ok(Err(error)) => cause = error.to_string(),
            Err(_) => cause = format!("no answer within {CONNECT_TIMEOUT_MS} ms"),
        }
    }
    Err(Refusal::Unreachable { host: destination.to_string(), cause })
}

/// The addresses of a destination, all of which may be connected to.
async fn addresses(
    settings: &EgressSettings,
    destination: &Destination,
) -> Result<Vec<IpAddr>, Refusal> {
    let addresses = match &destination.host {
        Host::Ipv4(address) => vec![IpAddr::V4(*address)],
        Host::Ipv6(address) => vec![IpAddr::V6(*address)],
        Host::Domain(name) => {
            let looking = settings.lookup.lookup(name.clone());
            let limit = Duration::from_millis(LOOKUP_TIMEOUT_MS);
            let found = timeout(limit, looking).await.unwrap_or_else(|_| {
                Err(io::Error::other(format!("no answer within {LOOKUP_TIMEOUT_MS} ms")))
            });
            let not_found = |error: io::Error| Refusal::NotFound {
                host: name.clone(),
                cause: error.to_string(),
            };
            found.map_err(not_found)?
        }
    };
    let allowed = &settings.private_hosts_allowed;
    if allowed.iter().any(|own| own.matches(&destination.host(), destination.port)) {
        return Ok(addresses);
    }
    // One private address among public ones is refused as well: which of them is connected to is up to
    // whoever runs the name.
    match addresses.iter().find(|address| !is_public(**address)) {
        None => Ok(addresses),
        Some(address) => {
            Err(Refusal::Private { host: destination.to_string(), address: address.to_string() })
        }
    }
}
