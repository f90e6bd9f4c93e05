//! Sealing what came in a request.

use mainstay_core::port::SecretText;
use mainstay_core::resource::{
    CREDENTIAL_KIND, CredentialAuth, CredentialBody, OauthClientAuth, OauthRefresh, Sealed,
    sealed_for,
};
use mainstay_protocol::{ApiError, ErrorCode, Principal, TenantId};
use mainstay_runtime::NewResource;

use super::check::timestamp;
use super::object::ACTIVE;
use super::params::{
    AuthParams, CredentialCreateParams, EndpointAuthParams, NetworkingParams, RefreshParams,
};
use crate::openai::resource::to_body;
use crate::openai::vaults::{VAULT, trimmed};
use crate::openai::wire::At;
use crate::state::AppState;

/// Seals secrets for one credential.
pub(super) struct Safe<'a> {
    pub(super) state: &'a AppState,
    pub(super) tenant: &'a TenantId,
    pub(super) vault: &'a str,
    pub(super) credential: &'a str,
}

impl Safe<'_> {
    pub(super) fn seal(&self, member: &str, secret: &SecretText) -> Result<Sealed, ApiError> {
        let sealed = self.state.engine().seals().seal(&self.belongs_to(member), secret);
        sealed.map_err(|error| ApiError::new(ErrorCode::Unsupported, error.to_string()))
    }

    /// Whether a sealed secret is this one.
    pub(super) fn holds(&self, member: &str, sealed: &Sealed, secret: &SecretText) -> bool {
        let opened = self.state.engine().seals().open(&self.belongs_to(member), sealed);
        opened.is_ok_and(|opened| opened == *secret)
    }

    fn belongs_to(&self, member: &str) -> String {
        sealed_for(self.tenant, self.vault, self.credential, member)
    }

    pub(super) fn auth(&self, params: &AuthParams) -> Result<CredentialAuth, ApiError> {
        Ok(match params {
            AuthParams::StaticBearer(params) => CredentialAuth::StaticBearer {
                mcp_server_url: params.mcp_server_url.clone(),
                token: self.seal("token", &params.token.0)?,
            },
            AuthParams::McpOauth(params) => {
                let at = At::Root;
                let at = at.field("auth");
                let expires = params.expires_at.as_deref();
                CredentialAuth::McpOauth {
                    mcp_server_url: params.mcp_server_url.clone(),
                    access_token: self.seal("access_token", &params.access_token.0)?,
                    expires_at_ms: expires
                        .map(|text| timestamp(&at.field("expires_at"), text))
                        .transpose()?,
                    refresh: params
                        .refresh
                        .as_ref()
                        .map(|own| self.refresh(own).map(Box::new))
                        .transpose()?,
                    scope: None,
                }
            }
            AuthParams::EnvironmentVariable(params) => CredentialAuth::EnvironmentVariable {
                secret_name: params.secret_name.clone(),
                secret_value: self.seal("secret_value", &params.secret_value.0)?,
                allowed_hosts: match &params.networking {
                    NetworkingParams::Unrestricted => None,
                    NetworkingParams::Limited(hosts) => {
                        Some(hosts.iter().map(|host| host.to_ascii_lowercase()).collect())
                    }
                },
            },
        })
    }

    fn refresh(&self, params: &RefreshParams) -> Result<OauthRefresh, ApiError> {
        Ok(OauthRefresh {
            client_id: params.client_id.clone(),
            refresh_token: self.seal("refresh_token", &params.refresh_token.0)?,
            token_endpoint: params.token_endpoint.clone(),
            token_endpoint_auth: match &params.token_endpoint_auth {
                EndpointAuthParams::None => OauthClientAuth::None,
                EndpointAuthParams::Basic(secret) => OauthClientAuth::ClientSecretBasic {
                    client_secret: self.seal("client_secret", &secret.0)?,
                },
                EndpointAuthParams::Post(secret) => OauthClientAuth::ClientSecretPost {
                    client_secret: self.seal("client_secret", &secret.0)?,
                },
            },
            resource: params.resource.clone(),
            scope: params.scope.clone(),
            began_at_ms: None,
            rejected: None,
        })
    }
}

/// A credential as a request describes it, its secrets sealed.
pub(super) fn new_credential(
    state: &AppState,
    caller: &Principal,
    (vault, id): (&str, &str),
    params: &CredentialCreateParams,
) -> Result<NewResource, ApiError> {
    let safe = Safe { state, tenant: &caller.tenant, vault, credential: id };
    let body = CredentialBody {
        name: trimmed(&params.name),
        metadata: params.metadata.clone().unwrap_or_default(),
        auth: safe.auth(&params.auth)?,
    };
    Ok(NewResource {
        kind: CREDENTIAL_KIND,
        id: id.to_owned(),
        parent: Some((VAULT.0, vault.to_owned())),
        status: ACTIVE,
        created_at_ms: None,
        body: to_body(&body),
        tasks: Vec::new(),
    })
}
