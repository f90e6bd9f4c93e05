//! Where granted tokens are kept: in the credential that is meant for their server, in a vault that the
//! session names, or in one of the session's own.
//!
//! Invariant: every secret is sealed before it is committed.

use std::collections::BTreeMap;

use mainstay_core::port::{Grant, SecretText};
use mainstay_core::resource::{
    CREDENTIAL_KIND, CredentialAuth, CredentialBody, OauthClientAuth, OauthRefresh, ResourceRow,
    VAULT_KIND,
};
use mainstay_core::session::{ConfigRow, SESSION_CONFIGS};
use mainstay_protocol::{
    ApiError, CredentialId, ErrorCode, IdMint, Principal, RowKey, SessionId, TenantId, sha256_hex,
};
use serde_json::json;

use super::ConsentBody;
use crate::control::{NewResource, ResourceChange};
use crate::engine::{Inner, api_error};
use crate::vault::{attached, belongs_to, fits, http_url, named_credential, plain_url};

/// Keeps tokens in the credential that is meant for the server, or in a new one.
pub(super) async fn store(
    inner: &Inner,
    body: &ConsentBody,
    grant: &Grant,
) -> Result<(), ApiError> {
    let ConsentBody { tenant, session, server_url, .. } = body;
    let caller = inner.as_runtime(tenant.clone());
    let config = config_of(inner, session).await?;
    let rows = credentials_of(inner, tenant, session, &config).await?;
    if let Some(row) = meant(&rows, &config, server_url) {
        let auth = sealed(inner, row, server_url, grant)?;
        let target = (CREDENTIAL_KIND, row.id.as_str());
        inner
            .control
            .change_resource(&caller, target, None, |found| {
                let mut row = found.row;
                let mut body: CredentialBody = row.read().map_err(|e| shapeless(&e))?;
                body.auth = auth.clone();
                row.body = serde_json::to_value(&body).map_err(|e| shapeless(&e))?;
                Ok(Some(ResourceChange::of("resource.authorized", row)))
            })
            .await?;
        return Ok(());
    }
    let vault = match config.wire["vault_ids"].as_array().and_then(|ids| ids.first()?.as_str()) {
        Some(vault) => vault.to_owned(),
        None => own_vault_made(inner, &caller, session).await?,
    };
    let mut mint = IdMint::new(inner.parts.clock.now_ms(), inner.parts.entropy.next());
    let id = CredentialId::mint(&mut mint).to_string();
    let row = ResourceRow {
        tenant: tenant.clone(),
        kind: CREDENTIAL_KIND.into(),
        id: id.clone(),
        parent: Some(vault.clone()),
        revision: 1,
        created_at_ms: 0,
        updated_at_ms: 0,
        created_by: caller.id.clone(),
        status: ACTIVE.into(),
        body: serde_json::Value::Null,
    };
    let auth = sealed(inner, &row, server_url, grant)?;
    let name = format!("consent for {}", plain_url(server_url));
    let kept = CredentialBody { name, metadata: BTreeMap::new(), auth };
    let new = NewResource {
        kind: CREDENTIAL_KIND,
        id,
        parent: Some((VAULT_KIND, vault)),
        status: ACTIVE,
        created_at_ms: None,
        body: serde_json::to_value(&kept).map_err(|error| shapeless(&error))?,
        tasks: Vec::new(),
    };
    inner.control.create_resource(&caller, new, None, None).await.map(drop)
}

/// Where vaults and credentials stand that may be used.
const ACTIVE: &str = "active";

fn sealed(
    inner: &Inner,
    row: &ResourceRow,
    server_url: &str,
    grant: &Grant,
) -> Result<CredentialAuth, ApiError> {
    let seal = |member: &str, secret: &SecretText| {
        let sealed = inner.parts.seals.seal(&belongs_to(row, member), secret);
        sealed.map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))
    };
    let refresh = match &grant.refresh_token {
        None => None,
        Some(token) => {
            let token_endpoint_auth = match &grant.client_secret {
                None => OauthClientAuth::None,
                Some((secret, true)) => OauthClientAuth::ClientSecretBasic {
                    client_secret: seal("client_secret", secret)?,
                },
                Some((secret, false)) => OauthClientAuth::ClientSecretPost {
                    client_secret: seal("client_secret", secret)?,
                },
            };
            Some(Box::new(OauthRefresh {
                client_id: grant.client_id.clone(),
                refresh_token: seal("refresh_token", token)?,
                token_endpoint: grant.token_endpoint.clone(),
                token_endpoint_auth,
                resource: Some(grant.resource.clone()),
                scope: grant.scope.clone(),
                began_at_ms: None,
                rejected: None,
            }))
        }
    };
    let now_ms = inner.parts.clock.now_ms();
    Ok(CredentialAuth::McpOauth {
        mcp_server_url: server_url.to_owned(),
        access_token: seal("access_token", &grant.access_token)?,
        expires_at_ms: grant.expires_in_ms.map(|wait| now_ms.saturating_add(wait)),
        refresh,
        scope: grant.scope.clone(),
    })
}

pub(super) async fn config_of(inner: &Inner, session: &SessionId) -> Result<ConfigRow, ApiError> {
    let key = RowKey::new(&SESSION_CONFIGS, &[session.as_str()]);
    let row = inner.parts.store.row(&key).await.map_err(|error| api_error(&error))?;
    let config = row.and_then(|row| row.read().ok());
    config.ok_or_else(|| {
        ApiError::new(ErrorCode::NotFound, format!("session {session} does not exist"))
    })
}

pub(super) async fn credentials_of(
    inner: &Inner,
    tenant: &TenantId,
    session: &SessionId,
    config: &ConfigRow,
) -> Result<Vec<ResourceRow>, ApiError> {
    let mut rows = attached(inner, tenant, &config.wire).await?;
    rows.extend(own(inner, tenant, session).await?);
    Ok(rows)
}

/// What people consented to for a session without a vault.
pub(in crate::vault) async fn own(
    inner: &Inner,
    tenant: &TenantId,
    session: &SessionId,
) -> Result<Vec<ResourceRow>, ApiError> {
    inner.control.resources(tenant, CREDENTIAL_KIND, Some(&own_vault(session))).await
}

/// The credential that the server's tool source names, or the one that fits.
pub(super) fn meant<'a>(
    rows: &'a [ResourceRow],
    config: &ConfigRow,
    server_url: &str,
) -> Option<&'a ResourceRow> {
    let is_its =
        |source| http_url(source).is_some_and(|url| plain_url(url) == plain_url(server_url));
    let at = config.agent.tools.iter().position(is_its);
    let named = at.and_then(|at| named_credential(&config.agent.wire, at));
    rows.iter().find(|row| match &named {
        Some(named) => row.id == *named,
        None => fits(row, server_url),
    })
}

async fn own_vault_made(
    inner: &Inner,
    caller: &Principal,
    session: &SessionId,
) -> Result<String, ApiError> {
    let id = own_vault(session);
    let new = NewResource {
        kind: VAULT_KIND,
        id: id.clone(),
        parent: None,
        status: ACTIVE,
        created_at_ms: None,
        body: json!({"name": format!("consents of {session}"), "metadata": {}}),
        tasks: Vec::new(),
    };
    inner.control.create_resource(caller, new, None, Some(&|_| true)).await?;
    Ok(id)
}

/// The vault of a session that names none.
pub(super) fn own_vault(session: &SessionId) -> String {
    format!("vault_{}", &sha256_hex(format!("consents\n{session}").as_bytes())[..32])
}

fn shapeless(error: &serde_json::Error) -> ApiError {
    ApiError::new(ErrorCode::JournalCorrupt, format!("a credential has no shape: {error}"))
}
