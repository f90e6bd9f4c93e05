//! `[server]`

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The port when nothing is said.
const DEFAULT_PORT: u16 = 4242;

/// Where the server listens, and what it does for those who do not say what they want.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Server {
    /// Address and port; port 0 takes a free one. It speaks plain HTTP: beyond this machine, put a
    /// proxy with TLS in front.
    pub(crate) listen: SocketAddr,
    /// Under which address browsers reach this server, as `https://agents.example`: people who consent
    /// to the use of an MCP server come back there. The address it listens on when unset, if that is
    /// this machine's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_url: Option<String>,
    /// The model of sessions that name neither an agent nor a model; the first one known when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default_model: Option<String>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, DEFAULT_PORT).into(),
            public_url: None,
            default_model: None,
        }
    }
}

impl Server {
    /// Under which address browsers reach the server that listens at `bound`, without a slash at its
    /// end; none when that is not known.
    pub(crate) fn public_url(&self, bound: SocketAddr) -> anyhow::Result<Option<String>> {
        let Some(text) = &self.public_url else {
            return Ok(bound.ip().is_loopback().then(|| format!("http://{bound}")));
        };
        let url = url::Url::parse(text).with_context(|| format!("server.public_url {text:?}"))?;
        let is_plain = url.query().is_none() && url.fragment().is_none() && url.path() == "/";
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || !is_plain {
            anyhow::bail!(
                "server.public_url {text:?} is not an address like https://agents.example"
            );
        }
        Ok(Some(url.as_str().trim_end_matches('/').to_owned()))
    }
}
