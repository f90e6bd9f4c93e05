//! Where a machine may connect to, by name.
//!
//! Invariant: a destination that no entry names is decided by the rule's kind alone. Deliberately absent:
//! addresses, which are checked when a name was resolved.

use std::fmt::Write as _;

use mainstay_core::port::NetworkRule;
use url::Host;

use super::limits::MAX_RULE_HOSTS;
use super::refusal::Refusal;
use crate::tool::HostPort;
use crate::tool::settings::same_host;

/// Ports that an allowed host without a port stands for.
const WEB_PORTS: [u16; 2] = [80, 443];
/// Ports that the host of a secret without a port stands for.
const SECRET_PORTS: [u16; 2] = [443, 8443];
/// How much of a rule a refusal repeats.
const SHOWN_HOSTS: usize = 20;

/// A network rule that was understood.
#[derive(Debug, Clone)]
pub(super) enum Rule {
    None,
    Allow(Hosts),
    Block(Hosts),
    Open,
}

/// A rule that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidRule(String);

/// Reads a rule as an environment has it; the error names the entry.
pub fn check_rule(rule: &NetworkRule) -> Result<(), InvalidRule> {
    Rule::parse(rule).map(drop)
}

impl Rule {
    pub(super) fn parse(rule: &NetworkRule) -> Result<Self, InvalidRule> {
        Ok(match rule {
            NetworkRule::None => Self::None,
            NetworkRule::Allow { hosts } => Self::Allow(Hosts::parse(hosts, Portless::Web)?),
            NetworkRule::Block { hosts } => Self::Block(Hosts::parse(hosts, Portless::Any)?),
            NetworkRule::Open => Self::Open,
        })
    }

    /// Refuses a destination that the rule does not let through.
    pub(super) fn check(&self, host: &Host<&str>, port: u16) -> Result<(), Refusal> {
        let destination = || format!("{host}:{port}");
        match self {
            Self::None => Err(Refusal::NoNetwork),
            Self::Open => Ok(()),
            Self::Allow(hosts) if hosts.contain(host, port) => Ok(()),
            Self::Allow(hosts) => {
                Err(Refusal::NotListed { host: destination(), allowed: hosts.shown() })
            }
            Self::Block(hosts) if hosts.contain(host, port) => {
                Err(Refusal::Blocked { host: destination() })
            }
            Self::Block(_) => Ok(()),
        }
    }

    /// Whether names decide, so that a connection must not hide which one it means.
    pub(super) fn has_names(&self) -> bool {
        matches!(self, Self::Allow(_) | Self::Block(_))
    }
}

/// Which ports an entry without one means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Portless {
    Web,
    Secret,
    Any,
}

/// A list of destinations.
#[derive(Debug, Clone)]
pub(super) struct Hosts {
    entries: Vec<Entry>,
    portless: Portless,
}

#[derive(Debug, Clone)]
struct Entry {
    text: String,
    /// Whether it names the subdomains of its host instead of it.
    is_wildcard: bool,
    host: Host<String>,
    port: Ports,
}

#[derive(Debug, Clone, Copy)]
enum Ports {
    Unnamed,
    Any,
    One(u16),
}

impl Hosts {
    pub(super) fn parse(texts: &[String], portless: Portless) -> Result<Self, InvalidRule> {
        if texts.len() > MAX_RULE_HOSTS {
            let count = texts.len();
            return Err(InvalidRule(format!("{count} hosts, more than {MAX_RULE_HOSTS}")));
        }
        let entries = texts.iter().map(|text| Entry::parse(text)).collect::<Result<_, _>>()?;
        Ok(Self { entries, portless })
    }

    pub(super) fn contain(&self, host: &Host<&str>, port: u16) -> bool {
        self.entries.iter().any(|entry| {
            let is_port = match (entry.port, self.portless) {
                (Ports::One(own), _) => own == port,
                (Ports::Any, _) | (Ports::Unnamed, Portless::Any) => true,
                (Ports::Unnamed, Portless::Web) => WEB_PORTS.contains(&port),
                (Ports::Unnamed, Portless::Secret) => SECRET_PORTS.contains(&port),
            };
            is_port && entry.names(host)
        })
    }

    fn shown(&self) -> String {
        let mut text = String::new();
        for (index, entry) in self.entries.iter().take(SHOWN_HOSTS).enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            let _ = write!(text, "{separator}{}", entry.text);
        }
        match self.entries.len().checked_sub(SHOWN_HOSTS) {
            Some(more) if more > 0 => {
                let _ = write!(text, " and {more} more");
            }
            _ if text.is_empty() => text.push_str("none"),
            _ => {}
        }
        text
    }
}

impl Entry {
    fn parse(text: &str) -> Result<Self, InvalidRule> {
        let bad = || {
            InvalidRule(format!(
                "{text:?} is not a host; write example.com, example.com:8443 or *.example.com"
            ))
        };
        let is_wildcard = text.starts_with("*.");
        let name = text.strip_prefix("*.").unwrap_or(text);
        let (host, port) = match name.parse::<HostPort>() {
            Ok(HostPort { host, port: Some(port) }) => (host, Ports::One(port)),
            Ok(HostPort { host, port: None }) => (host, Ports::Any),
            Err(_) => (Host::parse(name.trim_end_matches('.')).map_err(|_| bad())?, Ports::Unnamed),
        };
        let is_domain = matches!(&host, Host::Domain(name) if !name.contains('*'));
        if is_wildcard && !is_domain || matches!(&host, Host::Domain(name) if name.contains('*')) {
            return Err(bad());
        }
        Ok(Self { text: text.to_owned(), is_wildcard, host, port })
    }

    fn names(&self, host: &Host<&str>) -> bool {
        if !self.is_wildcard {
            return same_host(&self.host, host);
        }
        let (Host::Domain(own), Host::Domain(name)) = (&self.host, host) else {
            return false;
        };
        let above = name.trim_end_matches('.').strip_suffix(own.as_str());
        above.is_some_and(|above| above.len() > 1 && above.ends_with('.'))
    }
}

#[cfg(test)]
#[path = "rule_tests.rs"]
mod tests;
