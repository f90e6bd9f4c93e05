//! `[server]`

use std::net::{Ipv4Addr, SocketAddr};

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
    /// The model of sessions that name neither an agent nor a model; the first one known when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default_model: Option<String>,
}

impl Default for Server {
    fn default() -> Self {
        Self { listen: (Ipv4Addr::LOCALHOST, DEFAULT_PORT).into(), default_model: None }
    }
}
