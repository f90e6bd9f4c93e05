//! What the operator says about tools. Agents cannot change any of it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use mainstay_core::port::Sandboxes;
use url::Host;

use super::mcp::OauthSettings;

/// The operator's settings for tools.
#[derive(Clone, Default)]
pub struct ToolSettings {
    /// The folder that holds one workspace folder per session.
    pub workspaces: PathBuf,
    /// A folder whose files are copied into each new workspace; none starts it empty.
    pub workspace_template: Option<PathBuf>,
    /// The programs that agents may use as MCP servers, by name.
    pub mcp_servers: BTreeMap<String, McpServerSettings>,
    /// Loopback and private addresses that tools may reach; none when empty.
    pub private_hosts_allowed: Vec<HostPort>,
    /// OAuth for MCP servers.
    pub oauth: OauthSettings,
    /// The machines of sessions; none when compute is switched off.
    pub sandboxes: Option<Arc<dyn Sandboxes>>,
}

/// An MCP server that is a program on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpServerSettings {
    /// The program, a path or a name to look for in the `PATH` of `env`.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its whole environment: nothing of the server's own is inherited, so that provider keys stay
    /// out of other people's programs.
    pub env: BTreeMap<String, String>,
}

/// A host and a port, `localhost:8080`, `[::1]:8080`; `*` as the port is any port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// As in a URL: lower case, addresses in their canonical form.
    pub(crate) host: Host<String>,
    /// None is any port.
    pub(crate) port: Option<u16>,
}

/// A text that names no host and port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a host and port like 127.0.0.1:8080, [::1]:8080 or localhost:*")]
pub struct InvalidHostPort {
    /// The text refused.
    pub text: String,
}

impl HostPort {
    /// Whether a URL with this host and port is meant.
    pub(crate) fn matches(&self, host: &Host<&str>, port: u16) -> bool {
        self.port.is_none_or(|own| own == port) && same_host(&self.host, host)
    }
}

impl FromStr for HostPort {
    type Err = InvalidHostPort;

    fn from_str(text: &str) -> Result<Self, InvalidHostPort> {
        let invalid = || InvalidHostPort { text: text.to_owned() };
        let (host, port) = text.rsplit_once(':').ok_or_else(invalid)?;
        let port = match port {
            "*" => None,
            digits => Some(digits.parse().map_err(|_| invalid())?),
        };
        let host = Host::parse(host.trim_end_matches('.')).map_err(|_| invalid())?;
        Ok(Self { host, port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => write!(f, "{}:*", self.host),
        }
    }
}

/// Whether both name the same host; a trailing dot makes no difference.
pub(crate) fn same_host(own: &Host<String>, other: &Host<&str>) -> bool {
    match (own, other) {
        (Host::Domain(own), Host::Domain(other)) => own == other.trim_end_matches('.'),
        (Host::Ipv4(own), Host::Ipv4(other)) => own == other,
        (Host::Ipv6(own), Host::Ipv6(other)) => own == other,
        (Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_), _) => false,
    }
}
