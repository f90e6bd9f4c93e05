//! The hosts that a tool source lists.

use std::fmt::Write as _;

use url::{Host, Url};

use super::refusal::Refusal;
use crate::tool::settings::{HostPort, same_host};

/// Ports that a host without a port stands for.
const DEFAULT_PORTS: [u16; 2] = [80, 443];
/// The most hosts that one source lists.
pub(crate) const MAX_ALLOWED_HOSTS: usize = 256;

/// The hosts that one tool source may reach.
#[derive(Debug, Clone, Default)]
pub(crate) struct AllowedHosts {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
enum Entry {
    /// On the ports of http and https.
    Host(Host<String>),
    HostPort(HostPort),
}

impl AllowedHosts {
    /// Reads `host` and `host:port` entries; the error names the entry.
    pub(crate) fn parse(entries: &[String]) -> Result<Self, String> {
        if entries.len() > MAX_ALLOWED_HOSTS {
            return Err(format!("{} hosts, more than {MAX_ALLOWED_HOSTS}", entries.len()));
        }
        let entries = entries.iter().map(|text| parse_entry(text)).collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    /// The host and port of one URL.
    pub(crate) fn only(url: &Url) -> Option<Self> {
        let host = url.host()?.to_owned();
        let port = url.port_or_known_default();
        Some(Self { entries: vec![Entry::HostPort(HostPort { host, port })] })
    }

    /// Refuses a URL whose host and port are not listed.
    pub(crate) fn check(&self, host: &Host<&str>, port: u16) -> Result<(), Refusal> {
        let is_meant = |entry: &Entry| match entry {
            Entry::Host(own) => DEFAULT_PORTS.contains(&port) && same_host(own, host),
            Entry::HostPort(own) => own.matches(host, port),
        };
        if self.entries.iter().any(is_meant) {
            return Ok(());
        }
        Err(Refusal::NotListed { host: format!("{host}:{port}"), allowed: self.list() })
    }

    /// For the model and for error messages.
    pub(crate) fn list(&self) -> String {
        let mut text = String::new();
        for (index, entry) in self.entries.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            let _ = match entry {
                Entry::Host(host) => write!(text, "{separator}{host}"),
                Entry::HostPort(host) => write!(text, "{separator}{host}"),
            };
        }
        if text.is_empty() { "none".to_owned() } else { text }
    }
}

fn parse_entry(text: &str) -> Result<Entry, String> {
    if let Ok(host_port) = text.parse() {
        return Ok(Entry::HostPort(host_port));
    }
    let host = Host::parse(text.trim_end_matches('.'));
    host.map(Entry::Host).map_err(|_| format!("{text:?} is not a host or host:port"))
}

#[cfg(test)]
#[path = "hosts_tests.rs"]
mod tests;
