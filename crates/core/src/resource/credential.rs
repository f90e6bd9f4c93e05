//! Credentials of vaults, as they are kept.
//!
//! Invariant: every secret is sealed for the tenant, vault and credential that it belongs to.

use std::collections::BTreeMap;

use mainstay_protocol::TenantId;
use serde::{Deserialize, Serialize};

use super::Sealed;

/// The kind of vaults.
pub const VAULT_KIND: &str = "vault";
/// The kind of credentials.
pub const CREDENTIAL_KIND: &str = "vault_credential";

/// A credential.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CredentialBody {
    /// A name for people.
    pub name: String,
    /// The client's own pairs.
    pub metadata: BTreeMap<String, String>,
    /// What it opens, and how.
    pub auth: CredentialAuth,
}

/// What a credential opens, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CredentialAuth {
    /// A bearer token for an MCP server.
    StaticBearer {
        /// The server.
        mcp_server_url: String,
        /// The token.
        token: Sealed,
    },
    /// OAuth tokens for an MCP server.
    McpOauth {
        /// The server.
        mcp_server_url: String,
        /// The access token.
        access_token: Sealed,
        /// When it expires, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at_ms: Option<u64>,
        /// How to get another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refresh: Option<Box<OauthRefresh>>,
        /// What it was granted for, as far as that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scope: Option<String>,
    },
    /// A secret that a sandbox knows by a placeholder.
    EnvironmentVariable {
        /// The variable with the placeholder.
        secret_name: String,
        /// The secret.
        secret_value: Sealed,
        /// The hosts it is for; all that the environment may reach when none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        allowed_hosts: Option<Vec<String>>,
    },
}

/// How to get another access token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OauthRefresh {
    /// The client.
    pub client_id: String,
    /// The refresh token.
    pub refresh_token: Sealed,
    /// Where.
    pub token_endpoint: String,
    /// How the client proves itself there.
    pub token_endpoint_auth: OauthClientAuth,
    /// The resource asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The scopes asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// When a refresh began whose answer is not here: if the server stopped in between, a token that
    /// may be used once is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_at_ms: Option<u64>,
    /// Why the refresh token is of no use any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<String>,
}

/// How an OAuth client proves itself at the token endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum OauthClientAuth {
    /// By its id alone.
    None,
    /// By HTTP Basic authentication.
    ClientSecretBasic {
        /// The client's secret.
        client_secret: Sealed,
    },
    /// By its secret in the body.
    ClientSecretPost {
        /// The client's secret.
        client_secret: Sealed,
    },
}

impl CredentialAuth {
    /// The MCP server that it is for.
    #[must_use]
    pub fn mcp_server_url(&self) -> Option<&str> {
        match self {
            Self::StaticBearer { mcp_server_url, .. } | Self::McpOauth { mcp_server_url, .. } => {
                Some(mcp_server_url)
            }
            Self::EnvironmentVariable { .. } => None,
        }
    }
}

/// What a secret of a credential is sealed for.
#[must_use]
pub fn sealed_for(tenant: &TenantId, vault: &str, credential: &str, member: &str) -> String {
    format!("credential/{tenant}/{vault}/{credential}/{member}")
}
