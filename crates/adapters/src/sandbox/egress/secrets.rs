//! Secrets on their way to the hosts that they are for.
//!
//! Invariant: a machine has placeholders alone. A secret is put into headers and bodies of requests to
//! its own hosts over TLS; where an answer repeats it, the placeholder is put back. Deliberately absent:
//! secrets in URLs, in compressed bodies and in WebSocket messages.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use mainstay_core::port::{NetworkRule, SandboxSecret};

use super::address::Destination;
use super::limits::MIN_HIDDEN_BYTES;
use super::refusal::Refusal;
use super::replace::Table;
use super::rule::{Hosts, InvalidRule, Portless};

/// The secrets of a session.
pub(super) struct Secrets {
    secrets: Vec<(SandboxSecret, Hosts)>,
}

impl Secrets {
    /// Secrets without hosts of their own are for those that the rule lists.
    pub(super) fn parse(
        secrets: &[SandboxSecret],
        rule: &NetworkRule,
    ) -> Result<Self, InvalidRule> {
        let listed: &[String] = match rule {
            NetworkRule::Allow { hosts } => hosts,
            NetworkRule::None | NetworkRule::Block { .. } | NetworkRule::Open => &[],
        };
        let parse = |secret: &SandboxSecret| {
            let hosts = secret.hosts.as_deref().unwrap_or(listed);
            Ok((secret.clone(), Hosts::parse(hosts, Portless::Secret)?))
        };
        Ok(Self { secrets: secrets.iter().map(parse).collect::<Result<_, _>>()? })
    }

    /// The secrets that a destination gets; none when there are none.
    pub(super) fn of(&self, destination: &Destination) -> Option<Arc<Substitution>> {
        let host = destination.host();
        let own = self.secrets.iter().filter(|(_, hosts)| hosts.contain(&host, destination.port));
        let own: Vec<&SandboxSecret> = own.map(|(secret, _)| secret).collect();
        let bytes = |text: &str| text.as_bytes().to_vec();
        let reveal = own.iter().map(|own| (bytes(&own.placeholder), bytes(own.value.expose())));
        let long = own.iter().filter(|own| own.value.expose().len() >= MIN_HIDDEN_BYTES);
        let hide = long.map(|own| (bytes(own.value.expose()), bytes(&own.placeholder)));
        let with_placeholder = own.iter().filter(|own| !own.placeholder.is_empty());
        Some(Arc::new(Substitution {
            variables: with_placeholder.map(|own| own.variable.clone()).collect(),
            reveal: Table::new(reveal.collect())?,
            hide: Table::new(hide.collect()),
        }))
    }
}

/// What is replaced in the requests to one destination, and in its answers.
pub(super) struct Substitution {
    /// In the order of the texts of `reveal`.
    pub(super) variables: Vec<String>,
    pub(super) reveal: Arc<Table>,
    pub(super) hide: Option<Arc<Table>>,
}

impl Substitution {
    /// Puts secrets into headers, and says which.
    pub(super) fn reveal_in(&self, headers: &mut HeaderMap) -> Result<Vec<usize>, Refusal> {
        replace_in(headers, &self.reveal).map_err(|name| {
            Refusal::BadRequest(format!(
                "the secret for the header {name} cannot stand in a header"
            ))
        })
    }

    /// Takes secrets out of an answer's headers.
    pub(super) fn hide_in(&self, headers: &mut HeaderMap) {
        if let Some(hide) = &self.hide
            && replace_in(headers, hide).is_err()
        {
            headers.clear();
        }
    }
}

fn replace_in(headers: &mut HeaderMap, table: &Arc<Table>) -> Result<Vec<usize>, HeaderName> {
    let mut all = Vec::new();
    for (name, value) in headers.iter_mut() {
        let (replaced, used) = match basic(value.as_bytes()) {
            Some(credentials) => {
                let (replaced, used) = table.replace(&credentials);
                (format!("Basic {}", STANDARD.encode(replaced)).into_bytes(), used)
            }
            None => table.replace(value.as_bytes()),
        };
        if used.is_empty() {
            continue;
        }
        *value = HeaderValue::from_bytes(&replaced).map_err(|_| name.clone())?;
        value.set_sensitive(true);
        all.extend(used);
    }
    Ok(all)
}

/// The user and password of `Basic …`.
fn basic(value: &[u8]) -> Option<Vec<u8>> {
    let (scheme, rest) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    STANDARD.decode(rest.trim_ascii()).ok()
}
