//! What a session's vaults have for an MCP server: looked up when a call is made, handed to it alone.
//! (What they have for machines is looked up in [`crate::sandbox`].)
//!
//! Invariant: a secret leaves this module in a [`Credential`] only; it is in no entry, row or log.
//! An access token that is about to expire is refreshed first, by one task at a time, and the new
//! one is sealed and committed before it is used. Deliberately absent: guessing between credentials.

pub(crate) mod clients;
pub(crate) mod consent;
mod oauth;

pub use consent::CameBack;

use std::sync::Arc;

use mainstay_core::port::{Credential, Credentials, ToolError, WorldChange};
use mainstay_core::resource::{
    CREDENTIAL_KIND, CredentialAuth, CredentialBody, ResourceRow, sealed_for,
};
use mainstay_core::session::{ConfigRow, SESSION_CONFIGS};
use mainstay_core::tool::{McpTransport, ToolSource};
use mainstay_protocol::{ApiError, RowKey, SessionId, TenantId};
use serde_json::Value;

use crate::engine::{Inner, api_error};

/// The credentials for these sources. A source that needs none has none; one that cannot have the
/// one it needs is an error when `is_strict`, and is left to the server's own answer otherwise.
pub(crate) async fn credentials(
    inner: &Inner,
    session: &SessionId,
    tenant: &TenantId,
    sources: &[(usize, &ToolSource)],
    is_strict: bool,
) -> Result<Credentials, ToolError> {
    let over_http: Vec<_> =
        sources.iter().filter_map(|(at, source)| Some((*at, http_url(source)?))).collect();
    if over_http.is_empty() {
        return Ok(Credentials::default());
    }
    let key = RowKey::new(&SESSION_CONFIGS, &[session.as_str()]);
    let row = inner.parts.store.row(&key).await.map_err(|error| failed(&api_error(&error)))?;
    let config: Option<ConfigRow> = row.and_then(|row| row.read().ok());
    let Some(config) = config else { return Ok(Credentials::default()) };
    let mut attached =
        attached(inner, tenant, &config.wire).await.map_err(|error| failed(&error))?;
    attached.extend(consent::own(inner, tenant, session).await.map_err(|error| failed(&error))?);
    let mut found = Vec::new();
    for (at, url) in over_http {
        let named = named_credential(&config.agent.wire, at);
        let chosen = match choose(&attached, url, named.as_deref()) {
            Ok(Some(row)) => open(inner, row, at).await,
            Ok(None) => continue,
            Err(error) => Err(error),
        };
        match chosen {
            Ok(credential) => found.extend(credential),
            Err(error) if is_strict => return Err(error),
            Err(error) => {
                tracing::warn!(%session, %error, "an MCP server is asked without a credential");
            }
        }
    }
    let clients = clients::kept(inner, tenant).await.map_err(|error| failed(&error))?;
    Ok(Credentials { found: found.into(), clients })
}

fn http_url(source: &ToolSource) -> Option<&str> {
    match source {
        ToolSource::Mcp { transport: McpTransport::Http { url, .. }, .. } => Some(url),
        ToolSource::Mcp { transport: McpTransport::Stdio { .. }, .. }
        | ToolSource::Function { .. }
        | ToolSource::Openapi { .. }
        | ToolSource::Files { .. }
        | ToolSource::Http { .. }
        | ToolSource::Shell {}
        | ToolSource::Code { .. }
        | ToolSource::Agents { .. } => None,
    }
}

/// The credentials of the vaults that the session's settings name, in their order.
pub(crate) async fn attached(
    inner: &Inner,
    tenant: &TenantId,
    wire: &Value,
) -> Result<Vec<ResourceRow>, ApiError> {
    let vaults = wire["vault_ids"].as_array().map_or(&[][..], Vec::as_slice);
    let mut attached = Vec::new();
    for vault in vaults.iter().filter_map(Value::as_str) {
        attached.extend(inner.control.resources(tenant, CREDENTIAL_KIND, Some(vault)).await?);
    }
    Ok(attached)
}

/// The credential that a tool source names, by the source's position.
fn named_credential(agent_wire: &Value, at: usize) -> Option<String> {
    Some(agent_wire["tools"].get(at)?["credential_id"].as_str()?.to_owned())
}

/// The one credential that is meant.
fn choose<'a>(
    attached: &'a [ResourceRow],
    url: &str,
    named: Option<&str>,
) -> Result<Option<&'a ResourceRow>, ToolError> {
    if let Some(named) = named {
        let found = attached.iter().find(|row| row.id == named);
        let row = found.ok_or_else(|| {
            terminal(format!("the credential {named:?} is in none of the session's vaults"))
        })?;
        if fits(row, url) {
            return Ok(Some(row));
        }
        return Err(terminal(format!("the credential {named:?} is for another MCP server")));
    }
    let mut fitting = attached.iter().filter(|row| fits(row, url));
    match (fitting.next(), fitting.next()) {
        (found, None) => Ok(found),
        (_, Some(_)) => Err(terminal(
            "several credentials of the session's vaults fit the MCP server; name one as the tool's \
             'credential_id'"
                .to_owned(),
        )),
    }
}

fn fits(row: &ResourceRow, url: &str) -> bool {
    let body: Option<CredentialBody> = row.read().ok();
    body.is_some_and(|body| {
        body.auth.mcp_server_url().is_some_and(|own| plain_url(own) == plain_url(url))
    })
}

/// A URL as it is compared: the case of scheme and host, and a slash at the end, make no difference.
fn plain_url(url: &str) -> String {
    let url = url.trim().split('#').next().unwrap_or_default().trim_end_matches('/');
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
            format!("{}://{}{path}", scheme.to_ascii_lowercase(), host.to_ascii_lowercase())
        }
        None => url.to_owned(),
    }
}

/// None when its tokens are of no use any more: the server asks for what it wants instead.
async fn open(
    inner: &Inner,
    row: &ResourceRow,
    source: usize,
) -> Result<Option<Credential>, ToolError> {
    let fresh = oauth::fresh(inner, row).await?;
    let row = fresh.as_ref().unwrap_or(row);
    let body: CredentialBody = row.read().map_err(|error| terminal(error.to_string()))?;
    let (member, sealed, scope) = match &body.auth {
        CredentialAuth::StaticBearer { token, .. } => ("token", token, None),
        CredentialAuth::McpOauth { refresh: Some(refresh), .. } if refresh.rejected.is_some() => {
            return Ok(None);
        }
        CredentialAuth::McpOauth { access_token, scope, .. } => {
            ("access_token", access_token, scope.as_deref())
        }
        CredentialAuth::EnvironmentVariable { .. } => {
            return Err(terminal(format!("the credential {:?} is for environments", row.id)));
        }
    };
    let belongs_to = belongs_to(row, member);
    let token = inner.parts.seals.open(&belongs_to, sealed).map_err(|error| {
        terminal(format!("the credential {:?} cannot be used: {error}", row.id))
    })?;
    let (id, scope) = (Arc::from(row.id.as_str()), scope.map(Arc::from));
    Ok(Some(Credential { source, id, revision: row.revision, token, scope }))
}

pub(crate) fn belongs_to(row: &ResourceRow, member: &str) -> String {
    sealed_for(&row.tenant, row.parent.as_deref().unwrap_or_default(), &row.id, member)
}

/// Nothing was called, so nothing changed; asking again does not help.
fn terminal(message: String) -> ToolError {
    ToolError {
        message,
        retryable: false,
        world: WorldChange::No,
        retry_after_ms: None,
        needs: None,
    }
}

fn failed(error: &ApiError) -> ToolError {
    ToolError {
        message: format!("look up the session's credentials: {}", error.message),
        retryable: error.code.retryable(),
        world: WorldChange::No,
        retry_after_ms: None,
        needs: None,
    }
}
