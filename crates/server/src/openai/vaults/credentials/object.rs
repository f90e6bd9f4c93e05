//! A credential as clients see it: everything but its secrets.

use std::collections::BTreeMap;

use mainstay_core::resource::{
    CREDENTIAL_KIND, CredentialAuth, CredentialBody, OauthClientAuth, OauthRefresh, ResourceRow,
};
use mainstay_protocol::{ApiError, Principal};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::not_found;
use crate::openai::resource::{body_of, find, rfc3339, seconds};
use crate::openai::vaults::VAULT;
use crate::state::AppState;

/// The kind of the resource, and what its refusals call it.
pub(crate) const CREDENTIAL: (&str, &str) = (CREDENTIAL_KIND, "credential");
/// Credentials have one status, as vaults have.
pub(super) const ACTIVE: &str = "active";

/// A credential.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Credential {
    pub(crate) id: String,
    object: &'static str,
    vault_id: String,
    name: String,
    auth: Value,
    created_at: u64,
    updated_at: u64,
    metadata: BTreeMap<String, String>,
}

impl Credential {
    pub(super) fn of(row: &ResourceRow) -> Result<Self, ApiError> {
        let body: CredentialBody = body_of(row)?;
        Ok(Self {
            id: row.id.clone(),
            object: "vault.credential",
            vault_id: row.parent.clone().unwrap_or_default(),
            name: body.name,
            auth: show_auth(&body.auth),
            created_at: seconds(row.created_at_ms),
            updated_at: seconds(row.updated_at_ms),
            metadata: body.metadata,
        })
    }
}

/// The caller's credential of these ids.
pub(super) async fn find_in(
    state: &AppState,
    caller: &Principal,
    vault: &str,
    id: &str,
) -> Result<ResourceRow, ApiError> {
    find(state, caller, VAULT, vault).await?;
    let row = find(state, caller, CREDENTIAL, id).await?;
    if row.parent.as_deref() == Some(vault) { Ok(row) } else { Err(not_found("credential", id)) }
}

fn show_auth(auth: &CredentialAuth) -> Value {
    match auth {
        CredentialAuth::StaticBearer { mcp_server_url, token: _ } => {
            json!({"type": "static_bearer", "mcp_server_url": mcp_server_url})
        }
        CredentialAuth::McpOauth { mcp_server_url, expires_at_ms, refresh, .. } => {
            json!({
                "type": "mcp_oauth",
                "mcp_server_url": mcp_server_url,
                "expires_at": expires_at_ms.map(rfc3339),
                "refresh": refresh.as_deref().map(show_refresh),
            })
        }
        CredentialAuth::EnvironmentVariable { secret_name, allowed_hosts, secret_value: _ } => {
            let networking = match allowed_hosts {
                Some(hosts) => json!({"type": "limited", "allowed_hosts": hosts}),
                None => json!({"type": "unrestricted"}),
            };
            json!({
                "type": "environment_variable",
                "secret_name": secret_name,
                "networking": networking,
            })
        }
    }
}

fn show_refresh(refresh: &OauthRefresh) -> Value {
    let way = match refresh.token_endpoint_auth {
        OauthClientAuth::None => "none",
        OauthClientAuth::ClientSecretBasic { .. } => "client_secret_basic",
        OauthClientAuth::ClientSecretPost { .. } => "client_secret_post",
    };
    json!({
        "client_id": refresh.client_id,
        "resource": refresh.resource,
        "scope": refresh.scope,
        "token_endpoint": refresh.token_endpoint,
        "token_endpoint_auth": {"type": way},
    })
}
