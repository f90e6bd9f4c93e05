//! Sends requests to listed hosts, checking every hop.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Request, Response};
use url::{Host, Url};

use super::address::is_public;
use super::hosts::AllowedHosts;
use super::redirect::next_hop;
use super::refusal::{EgressError, Refusal};
use super::resolver::{GuardedResolver, Lookup, Reach};
use super::response::{Incoming, broken, root_cause};
use crate::http_client::{HttpClientError, client_builder};
use crate::tool::settings::HostPort;

/// The most redirects that one request follows.
const MAX_REDIRECTS: usize = 5;
/// The longest URL, in bytes.
pub(crate) const MAX_URL_BYTES: usize = 8_192;

/// The header that names the effect, the same for every attempt.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A request on its way out.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    /// Bound on each hop; none where whoever waits ends it by dropping the request.
    pub(crate) timeout_ms: Option<u64>,
    /// Bound on what is read of the answer.
    pub(crate) limit_bytes: usize,
}

/// The way out.
pub(crate) struct Egress {
    /// Connects to public addresses only.
    public: Client,
    /// Connects anywhere; used for hosts that the operator has listed.
    listed: Client,
    private_hosts: Vec<HostPort>,
}

impl Egress {
    pub(crate) fn new(
        private_hosts: Vec<HostPort>,
        lookup: &Arc<dyn Lookup>,
    ) -> Result<Self, HttpClientError> {
        let client = |reach| {
            let lookup = Arc::clone(lookup);
            client_builder().dns_resolver(Arc::new(GuardedResolver { lookup, reach })).build()
        };
        Ok(Self { public: client(Reach::Public)?, listed: client(Reach::Listed)?, private_hosts })
    }

    /// Sends a request and follows where the answer leads.
    pub(crate) async fn send(
        &self,
        request: Outgoing,
        hosts: &AllowedHosts,
    ) -> Result<Incoming, EgressError> {
        let mut request = request;
        for _ in 0..=MAX_REDIRECTS {
            let client = self.client_for(&request.url, hosts)?;
            let response = execute(client, &request).await?;
            let answer = Incoming::read(response, request.limit_bytes, host_of(&request)).await?;
            match next_hop(&request, &answer)? {
                Some(next) => request = next,
                None => return Ok(answer),
            }
        }
        Err(Refusal::TooManyRedirects { limit: MAX_REDIRECTS }.into())
    }

    /// Sends a request and reads its answer; a redirect is an answer like any other.
    pub(crate) async fn send_once(
        &self,
        request: &Outgoing,
        hosts: &AllowedHosts,
    ) -> Result<Incoming, EgressError> {
        let response = execute(self.client_for(&request.url, hosts)?, request).await?;
        Incoming::read(response, request.limit_bytes, host_of(request)).await
    }

    /// Whether a URL may be asked for, as far as that can be said before its name is resolved.
    pub(crate) fn check(&self, url: &Url, hosts: &AllowedHosts) -> Result<(), Refusal> {
        self.client_for(url, hosts).map(drop)
    }

    /// Sends a request and leaves the answer's body to the caller. A redirect is an answer like any
    /// other.
    pub(crate) async fn open(
        &self,
        request: &Outgoing,
        hosts: &AllowedHosts,
    ) -> Result<Response, EgressError> {
        execute(self.client_for(&request.url, hosts)?, request).await
    }

    /// The client that may be used for a URL. Names are checked when they are resolved; an address
    /// in the URL itself is never resolved and is checked here.
    fn client_for(&self, url: &Url, hosts: &AllowedHosts) -> Result<&Client, Refusal> {
        let (host, port) = target(url)?;
        hosts.check(&host, port)?;
        if self.private_hosts.iter().any(|own| own.matches(&host, port)) {
            return Ok(&self.listed);
        }
        let address = match host {
            Host::Domain(_) => return Ok(&self.public),
            Host::Ipv4(address) => IpAddr::V4(address),
            Host::Ipv6(address) => IpAddr::V6(address),
        };
        if is_public(address) {
            return Ok(&self.public);
        }
        Err(Refusal::Private { host: host.to_string(), address: address.to_string() })
    }
}

/// The host and port of a URL that may be asked for at all.
fn target(url: &Url) -> Result<(Host<&str>, u16), Refusal> {
    let bad = |reason: &str| Refusal::BadUrl { url: url.to_string(), reason: reason.to_owned() };
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("only http and https are known"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refusal::BadUrl {
            url: url.host_str().unwrap_or_default().to_owned(),
            reason: "it holds a user name or password".to_owned(),
        });
    }
    if url.as_str().len() > MAX_URL_BYTES {
        return Err(Refusal::BadUrl {
            url: url.host_str().unwrap_or_default().to_owned(),
            reason: format!("it is longer than {MAX_URL_BYTES} bytes"),
        });
    }
    match (url.host(), url.port_or_known_default()) {
        (Some(host), Some(port)) => Ok((host, port)),
        _ => Err(bad("it names no host")),
    }
}

async fn execute(client: &Client, outgoing: &Outgoing) -> Result<Response, EgressError> {
    let mut request = Request::new(outgoing.method.clone(), outgoing.url.clone());
    *request.headers_mut() = outgoing.headers.clone();
    request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    *request.body_mut() = outgoing.body.clone().map(Into::into);
    *request.timeout_mut() = outgoing.timeout_ms.map(Duration::from_millis);
    client.execute(request).await.map_err(|error| sending_failed(host_of(outgoing), &error))
}

fn host_of(outgoing: &Outgoing) -> &str {
    outgoing.url.host_str().unwrap_or_default()
}

fn sending_failed(host: &str, error: &reqwest::Error) -> EgressError {
    if let Some(refusal) = refusal_in(error) {
        return EgressError::Refused(refusal.clone());
    }
    if error.is_connect() {
        return EgressError::Connect { host: host.to_owned(), cause: root_cause(error) };
    }
    broken(host, error)
}

/// The resolver's refusal, which the client wraps in errors of its own.
fn refusal_in<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Refusal> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(refusal) = error.downcast_ref() {
            return Some(refusal);
        }
        cause = error.source();
    }
    None
}
