//! Consents that people give to MCP servers: kept sealed while they wait, completed when a browser
//! comes back, and then the call that asked goes on.
//!
//! Invariant: what completes a consent is committed before anybody sees its address; it is found by
//! what the browser brings back alone, used once, and lapses. Tokens are committed before the call goes
//! on. A server that stopped in between lets the call ask again: nothing is half done.

use std::sync::Arc;

use mainstay_core::port::{Consent, Grant, Needs, Return, SecretText, ToolError};
use mainstay_core::question::Question;
use mainstay_core::resource::{
    CREDENTIAL_KIND, CredentialAuth, CredentialBody, OauthClientAuth, OauthRefresh, ResourceRow,
    Sealed, VAULT_KIND,
};
use mainstay_core::session::{Command, ConfigRow, SESSION_CONFIGS};
use mainstay_protocol::{
    ApiError, CredentialId, EffectId, ErrorCode, IdMint, Principal, PrincipalId, RowKey, SessionId,
    TenantId, sha256_hex,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::oauth::RUNTIME;
use super::{attached, belongs_to, fits, http_url, named_credential, plain_url, terminal};
use crate::control::{NewResource, ResourceChange};
use crate::engine::{Engine, Inner, api_error};
use crate::submit::Submission;

/// The kind of consents that wait.
const CONSENT_KIND: &str = "oauth_consent";
/// Under whose name they are kept: a browser does not say for which tenant it comes back.
const CONSENTS: &str = "mainstay-consents";
/// How long an address is good for.
const CONSENT_TTL_MS: u64 = 7 * 24 * 3_600_000;
/// Where a consent stands: its address may be used, or was.
const WAITING: &str = "waiting";
const USED: &str = "used";

/// A consent that waits.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct ConsentBody {
    tenant: TenantId,
    session: SessionId,
    effect: EffectId,
    server_url: String,
    flow: Sealed,
    expires_at_ms: u64,
}

/// What a browser brings back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CameBack {
    /// The person agreed.
    Granted(Return),
    /// They did not, or something went wrong at the authorization server.
    Refused {
        /// The state that the consent was begun with.
        state: SecretText,
        /// What the authorization server says.
        reason: String,
    },
}

/// Keeps what completes a consent, before the question is asked.
pub(crate) async fn keep(
    inner: &Inner,
    session: &SessionId,
    tenant: &TenantId,
    effect: &EffectId,
    needs: &mut Needs,
) -> Result<(), ToolError> {
    let Some(Consent { state, server_url, flow }) = needs.consent.take() else { return Ok(()) };
    let failed = |error: ApiError| super::failed(&error);
    let config = config_of(inner, session).await.map_err(failed)?;
    let rows = credentials_of(inner, tenant, session, &config).await.map_err(failed)?;
    let known = meant(&rows, &config, &server_url).map(|row| row.read::<CredentialBody>());
    match known {
        Some(Ok(CredentialBody { name, auth: CredentialAuth::StaticBearer { .. }, .. })) => {
            return Err(terminal(format!(
                "the MCP server refuses the token of the credential {name:?}; rotate it"
            )));
        }
        Some(Ok(CredentialBody {
            auth: CredentialAuth::McpOauth { refresh: Some(refresh), .. },
            ..
        })) => tell(needs, refresh.rejected.as_ref()),
        _ => {}
    }
    let id = consent_id(&state);
    let sealed = inner.parts.seals.seal(&sealed_for(&id), &flow);
    let flow = sealed.map_err(|error| terminal(error.to_string()))?;
    let expires_at_ms = inner.parts.clock.now_ms() + CONSENT_TTL_MS;
    let (tenant, session, effect) = (tenant.clone(), session.clone(), effect.clone());
    let body = ConsentBody { tenant, session, effect, server_url, flow, expires_at_ms };
    let new = NewResource {
        kind: CONSENT_KIND,
        id,
        parent: None,
        status: WAITING,
        created_at_ms: None,
        body: serde_json::to_value(&body).map_err(|error| terminal(error.to_string()))?,
        tasks: Vec::new(),
    };
    inner.control.create_resource(&keeper(), new, None, None).await.map_err(failed)?;
    Ok(())
}

/// Says in the question why consent is asked for again.
fn tell(needs: &mut Needs, why: Option<&String>) {
    for asked in &mut needs.inquiry.asked {
        if let Question::Authorize { reason, .. } = &mut asked.question {
            *reason = why.cloned();
        }
    }
}

impl Engine {
    /// A browser came back: the tokens are kept, and the session goes on. The error is for the person.
    pub async fn came_back(&self, back: CameBack) -> Result<(), ApiError> {
        let inner = self.inner();
        let state = match &back {
            CameBack::Granted(back) => &back.state,
            CameBack::Refused { state, .. } => state,
        };
        let id = consent_id(state);
        let body = take(inner, &id).await?;
        let completed = match back {
            CameBack::Granted(back) => complete(inner, &id, &body, &back).await,
            CameBack::Refused { reason, .. } => Err(ApiError::new(
                ErrorCode::InvalidParameter,
                format!("the authorization server says: {reason}"),
            )),
        };
        match completed {
            Ok(()) => settle(inner, &id, &body).await,
            Err(error) => {
                // The question stays: whoever answers it gets another address.
                drop_consent(inner, &id).await?;
                Err(error)
            }
        }
    }

    /// Deletes what people consented to for a session that is gone.
    pub async fn forget_consents(&self, caller: &Principal, session: &SessionId) {
        let vault = own_vault(session);
        let target = (VAULT_KIND, vault.as_str());
        let control = &self.inner().control;
        match control.delete_resource(caller, target, Some(CREDENTIAL_KIND), Vec::new()).await {
            Err(error) if error.code != ErrorCode::NotFound => {
                tracing::warn!(%session, error = %error.message, "forget what people consented to");
            }
            Ok(_) | Err(_) => {}
        }
    }
}

/// Lets the sessions go on whose consents were under way when the server stopped, and drops what
/// lapsed. A consent that was not completed is asked for again.
pub(crate) async fn resume(inner: &Arc<Inner>) -> Result<(), ApiError> {
    let now_ms = inner.parts.clock.now_ms();
    for row in inner.control.resources(&keeper().tenant, CONSENT_KIND, None).await? {
        let Ok(body) = row.read::<ConsentBody>() else { continue };
        if row.status.as_ref() == USED {
            settle(inner, &row.id, &body).await?;
        } else if body.expires_at_ms <= now_ms {
            drop_consent(inner, &row.id).await?;
        }
    }
    Ok(())
}

/// Starts to look for consents that were under way.
pub(crate) fn start(inner: &Arc<Inner>) {
    let own = inner.clone();
    let task = async move {
        if let Err(error) = resume(&own).await {
            tracing::warn!(error = %error.message, "go on with consents that were under way");
        }
    };
    inner.spawner.spawn("consents", task, || {});
}

/// Takes a consent for use: nobody else gets it afterwards.
async fn take(inner: &Inner, id: &str) -> Result<ConsentBody, ApiError> {
    let unknown = || {
        let message = "this address is not known, was used, or lapsed; ask the agent for another";
        ApiError::new(ErrorCode::NotFound, message)
    };
    let mut taken = None;
    let keeper = keeper();
    let decided = inner.control.change_resource(&keeper, (CONSENT_KIND, id), None, |found| {
        let mut row = found.row;
        let body: ConsentBody = row.read().map_err(|_| unknown())?;
        if row.status.as_ref() != WAITING || body.expires_at_ms <= found.now_ms {
            return Err(unknown());
        }
        row.status = USED.into();
        taken = Some(body);
        Ok(Some(ResourceChange::of("resource.used", row)))
    });
    match decided.await {
        Err(error) if error.code == ErrorCode::NotFound => Err(unknown()),
        Err(error) => Err(error),
        Ok(_) => taken.ok_or_else(unknown),
    }
}

async fn complete(
    inner: &Inner,
    id: &str,
    body: &ConsentBody,
    back: &Return,
) -> Result<(), ApiError> {
    let refused = |message: String| ApiError::new(ErrorCode::InvalidParameter, message);
    let flow = inner.parts.seals.open(&sealed_for(id), &body.flow);
    let flow = flow.map_err(|error| refused(error.to_string()))?;
    let grant = inner.parts.tools.consented(&flow, back).await.map_err(refused)?;
    store(inner, body, &grant).await
}

/// Keeps tokens in the credential that is meant for the server, or in a new one.
async fn store(inner: &Inner, body: &ConsentBody, grant: &Grant) -> Result<(), ApiError> {
    let ConsentBody { tenant, session, server_url, .. } = body;
    let caller = runtime(tenant);
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
    let kept = CredentialBody { name, metadata: std::collections::BTreeMap::new(), auth };
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

/// Lets the call that asked go on, and forgets the consent.
async fn settle(inner: &Arc<Inner>, id: &str, body: &ConsentBody) -> Result<(), ApiError> {
    let commands = vec![Command::Consented { effect: body.effect.clone() }];
    let submission = Submission { caller: runtime(&body.tenant), commands, idempotency: None };
    match Engine::of(inner).submit(&body.session, submission).await {
        Err(error) if error.code != ErrorCode::NotFound => return Err(error),
        Ok(_) | Err(_) => {}
    }
    drop_consent(inner, id).await
}

async fn drop_consent(inner: &Inner, id: &str) -> Result<(), ApiError> {
    let target = (CONSENT_KIND, id);
    match inner.control.delete_resource(&keeper(), target, None, Vec::new()).await {
        Err(error) if error.code != ErrorCode::NotFound => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

async fn config_of(inner: &Inner, session: &SessionId) -> Result<ConfigRow, ApiError> {
    let key = RowKey::new(&SESSION_CONFIGS, &[session.as_str()]);
    let row = inner.parts.store.row(&key).await.map_err(|error| api_error(&error))?;
    let config = row.and_then(|row| row.read().ok());
    config.ok_or_else(|| {
        ApiError::new(ErrorCode::NotFound, format!("session {session} does not exist"))
    })
}

async fn credentials_of(
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
pub(super) async fn own(
    inner: &Inner,
    tenant: &TenantId,
    session: &SessionId,
) -> Result<Vec<ResourceRow>, ApiError> {
    inner.control.resources(tenant, CREDENTIAL_KIND, Some(&own_vault(session))).await
}

/// The credential that the server's tool source names, or the one that fits.
fn meant<'a>(
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
fn own_vault(session: &SessionId) -> String {
    format!("vault_{}", &sha256_hex(format!("consents\n{session}").as_bytes())[..32])
}

fn consent_id(state: &SecretText) -> String {
    format!("consent_{}", sha256_hex(format!("oauth state\n{}", state.expose()).as_bytes()))
}

fn sealed_for(id: &str) -> String {
    format!("consent/{id}")
}

fn keeper() -> Principal {
    runtime(&TenantId::parse(CONSENTS).expect("a plain id"))
}

fn runtime(tenant: &TenantId) -> Principal {
    let id = PrincipalId::parse(RUNTIME).expect("a plain id");
    Principal { tenant: tenant.clone(), id, scopes: Vec::new() }
}

fn shapeless(error: &serde_json::Error) -> ApiError {
    ApiError::new(ErrorCode::JournalCorrupt, format!("a credential has no shape: {error}"))
}
