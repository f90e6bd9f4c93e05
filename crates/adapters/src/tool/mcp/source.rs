//! Reads an MCP source of an agent, and checks it without asking anybody.

use std::collections::BTreeMap;

use mainstay_core::tool::{ApprovalMode, McpTransport, Safety, ToolSource};
use url::Url;

use crate::tool::http::parse_headers;
use crate::tool::settings::McpServerSettings;

/// A source's parts.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    pub(super) label: &'a str,
    pub(super) transport: &'a McpTransport,
    pub(super) allowed: Option<&'a [String]>,
    pub(super) safety: &'a BTreeMap<String, Safety>,
    pub(super) approval: ApprovalMode,
    pub(super) required: bool,
}

/// Reads a source; none when it is of another kind.
pub(super) fn parts(source: &ToolSource) -> Option<Parts<'_>> {
    let ToolSource::Mcp { label, transport, allowed_tools, safety, approval, required } = source
    else {
        return None;
    };
    Some(Parts {
        label,
        transport,
        allowed: allowed_tools.as_deref(),
        safety,
        approval: *approval,
        required: *required,
    })
}

/// Checks a source against the operator's list; the error names the member at fault.
pub(super) fn check(
    source: &ToolSource,
    servers: &BTreeMap<String, McpServerSettings>,
) -> Result<(), (String, String)> {
    let Some(parts) = parts(source) else {
        return Ok(());
    };
    match parts.transport {
        McpTransport::Stdio { server } if servers.contains_key(server) => Ok(()),
        McpTransport::Stdio { server } => {
            let reason = format!("this server's configuration lists no MCP server {server:?}");
            Err(("transport.server".to_owned(), reason))
        }
        McpTransport::Http { url, headers } => {
            parse_url(url).map_err(|reason| ("transport.url".to_owned(), reason))?;
            parse_headers(headers)
                .map(drop)
                .map_err(|reason| ("transport.headers".to_owned(), reason))
        }
    }
}

/// The URL of a server over HTTP.
pub(super) fn parse_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{text:?} is not a URL: {error}"))?;
    if matches!(url.scheme(), "http" | "https") && url.host().is_some() {
        return Ok(url);
    }
    Err(format!("{text:?} is not an http or https URL"))
}
