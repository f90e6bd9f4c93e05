//! Resolution of names for tools: an answer that holds a private address is no answer.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::is_public;
use super::refusal::Refusal;

/// Finds the addresses of a name. Tests put their own in its place.
pub trait Lookup: Send + Sync {
    /// The addresses of `host`.
    fn lookup(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// What the system says.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn lookup(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Which addresses a client may connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Those on the public internet.
    Public,
    /// All: the operator has listed the host.
    Listed,
}

/// The resolver of the HTTP clients. The client connects to what this gives, so that nothing can
/// change between the check and the connection.
pub(super) struct GuardedResolver {
    pub(super) lookup: Arc<dyn Lookup>,
    pub(super) reach: Reach,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, reach) = (Arc::clone(&self.lookup), self.reach);
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let addresses = lookup.lookup(host.clone()).await?;
            // One private address among public ones is refused as well: which of them would be
            // connected to is up to whoever runs the name.
            let private = addresses.iter().find(|address| !is_public(**address));
            if reach == Reach::Public
                && let Some(address) = private
            {
                return Err(Refusal::Private { host, address: address.to_string() }.into());
            }
            let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses.collect::<Vec<_>>().into_iter()) as Addrs)
        })
    }
}
