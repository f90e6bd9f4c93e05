//! `POST /v1/vaults/{vault}/credentials/import`: a credential under the id that it had elsewhere.

use axum::Json;
use axum::extract::State;
use mainstay_core::resource::{
    CredentialAuth, CredentialBody, OauthClientAuth, OauthRefresh, ResourceRow,
};
use mainstay_protocol::{ApiError, Scope};

use super::check::timestamp;
use super::object::Credential;
use super::params::{
    AuthParams, CredentialCreateParams, EndpointAuthParams, NetworkingParams, RefreshParams,
};
use super::safe::{Safe, new_credential};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::resource::{Asked, Import, find, import_answer};
use crate::openai::vaults::{VAULT, trimmed};
use crate::openai::wire::At;
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const IMPORT: Doc =
    Doc::new("importCredential", "Bring a credential in under an id that it had")
        .scope(Scope::Import)
        .extension();

/// Answers the credential. The same credential brought in again is answered as it is.
pub(crate) async fn import(
    State(state): State<AppState>,
    caller: Caller,
    Ids(vault): Ids<String>,
    request: Asked<Import<CredentialCreateParams>>,
) -> Answer<Json<Credential>> {
    let Asked { value: Import { id, value }, key } = request;
    import_answer(caller, async |caller| {
        find(&state, &caller, VAULT, &vault).await?;
        let new = new_credential(&state, &caller, (&vault, &id), &value)?;
        let safe = Safe { state: &state, tenant: &caller.tenant, vault: &vault, credential: &id };
        let is_same = |row: &ResourceRow| is_same(&safe, row, &value);
        let control = state.engine().control();
        Credential::of(&control.create_resource(&caller, new, key, Some(&is_same)).await?)
    })
    .await
}

/// Whether a credential is the one that a request describes, its secrets included.
fn is_same(safe: &Safe<'_>, row: &ResourceRow, params: &CredentialCreateParams) -> bool {
    let Ok(body) = row.read::<CredentialBody>() else { return false };
    row.parent.as_deref() == Some(safe.vault)
        && body.name == trimmed(&params.name)
        && body.metadata == params.metadata.clone().unwrap_or_default()
        && same_auth(safe, &body.auth, &params.auth).unwrap_or(false)
}

fn same_auth(safe: &Safe<'_>, kept: &CredentialAuth, given: &AuthParams) -> Result<bool, ApiError> {
    Ok(match (kept, given) {
        (CredentialAuth::StaticBearer { mcp_server_url, token }, AuthParams::StaticBearer(own)) => {
            *mcp_server_url == own.mcp_server_url && safe.holds("token", token, &own.token.0)
        }
        (
            CredentialAuth::McpOauth {
                mcp_server_url, access_token, expires_at_ms, refresh, ..
            },
            AuthParams::McpOauth(own),
        ) => {
            let at = At::Root;
            let expires = own.expires_at.as_deref().map(|text| timestamp(&at, text)).transpose()?;
            *mcp_server_url == own.mcp_server_url
                && *expires_at_ms == expires
                && safe.holds("access_token", access_token, &own.access_token.0)
                && match (refresh, &own.refresh) {
                    (None, None) => true,
                    (Some(kept), Some(given)) => same_refresh(safe, kept, given),
                    (None, Some(_)) | (Some(_), None) => false,
                }
        }
        (
            CredentialAuth::EnvironmentVariable { secret_name, secret_value, allowed_hosts },
            AuthParams::EnvironmentVariable(own),
        ) => {
            let hosts = match &own.networking {
                NetworkingParams::Unrestricted => None,
                NetworkingParams::Limited(hosts) => {
                    Some(hosts.iter().map(|host| host.to_ascii_lowercase()).collect())
                }
            };
            *secret_name == own.secret_name
                && *allowed_hosts == hosts
                && safe.holds("secret_value", secret_value, &own.secret_value.0)
        }
        (
            CredentialAuth::StaticBearer { .. }
            | CredentialAuth::McpOauth { .. }
            | CredentialAuth::EnvironmentVariable { .. },
            _,
        ) => false,
    })
}

fn same_refresh(safe: &Safe<'_>, kept: &OauthRefresh, given: &RefreshParams) -> bool {
    let same_client = match (&kept.token_endpoint_auth, &given.token_endpoint_auth) {
        (OauthClientAuth::None, EndpointAuthParams::None) => true,
        (OauthClientAuth::ClientSecretBasic { client_secret }, EndpointAuthParams::Basic(own))
        | (OauthClientAuth::ClientSecretPost { client_secret }, EndpointAuthParams::Post(own)) => {
            safe.holds("client_secret", client_secret, &own.0)
        }
        (
            OauthClientAuth::None
            | OauthClientAuth::ClientSecretBasic { .. }
            | OauthClientAuth::ClientSecretPost { .. },
            _,
        ) => false,
    };
    same_client
        && kept.client_id == given.client_id
        && kept.token_endpoint == given.token_endpoint
        && kept.resource == given.resource
        && kept.scope == given.scope
        && safe.holds("refresh_token", &kept.refresh_token, &given.refresh_token.0)
}
