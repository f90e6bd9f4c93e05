//! Consents that people give to MCP servers: kept sealed while they wait, completed when a browser
//! comes back, and then the call that asked goes on.
//!
//! Invariant: what completes a consent is committed before anybody sees its address; it is found by
//! what the browser brings back alone, used once, and lapses. Tokens are committed before the call goes
//! on. A server that stopped in between lets the call ask again: nothing is half done.

mod tokens;

use std::sync::Arc;

use mainstay_core::port::{Consent, Needs, Return, SecretText, ToolError};
use mainstay_core::question::Question;
use mainstay_core::resource::{
    CREDENTIAL_KIND, CredentialAuth, CredentialBody, Sealed, VAULT_KIND,
};
use mainstay_core::session::Command;
use mainstay_protocol::{
    ApiError, EffectId, ErrorCode, Principal, SessionId, TenantId, sha256_hex,
};
use serde::{Deserialize, Serialize};

pub(in crate::vault) use self::tokens::own;
use self::tokens::{config_of, credentials_of, meant, own_vault, store};
use super::{clients, terminal};
use crate::control::{NewResource, ResourceChange};
use crate::engine::{Engine, Inner};
use crate::submit::Submission;

/// The kind of consents that wait.
pub(crate) const CONSENT_KIND: &str = "oauth_consent";
/// Under whose name they are kept: a browser does not say for which tenant it comes back.
const CONSENTS: &str = "mainstay-consents";
/// How long an address is good for.
const CONSENT_TTL_MS: u64 = 7 * 24 * 3_600_000;
/// Where a consent stands: its address may be used, or was.
const WAITING: &str = "waiting";
const USED: &str = "used";
/// How an authorization server says that the person declined.
const DECLINED: &str = "access_denied";

/// A consent that waits.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct ConsentBody {
    tenant: TenantId,
    session: SessionId,
    effect: EffectId,
    server_url: String,
    flow: Sealed,
    expires_at_ms: u64,
    /// The client that it was begun with, if it registered by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client: Option<String>,
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
    let Some(begun) = needs.consent.take() else { return Ok(()) };
    let Consent { state, server_url, flow, client } = begun;
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
    let client = client.as_ref().map(clients::id_of);
    let body = ConsentBody { tenant, session, effect, server_url, flow, expires_at_ms, client };
    let new = NewResource {
        kind: CONSENT_KIND,
        id,
        parent: None,
        status: WAITING,
        created_at_ms: None,
        body: serde_json::to_value(&body).map_err(|error| terminal(error.to_string()))?,
        tasks: Vec::new(),
    };
    inner.control.create_resource(&keeper(inner), new, None, None).await.map_err(failed)?;
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
        let is_declined = matches!(
            &back, CameBack::Refused { reason, .. } if reason.starts_with(DECLINED)
        );
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
                if let Some(client) = body.client.as_ref().filter(|_| !is_declined) {
                    clients::forget(inner, &body.tenant, client).await?;
                }
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
    for row in inner.control.resources(&keeper(inner).tenant, CONSENT_KIND, None).await? {
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
    let keeper = keeper(inner);
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
    store(inner, body, &grant).await?;
    match &grant.registration {
        Some(registration) => clients::keep(inner, &body.tenant, registration).await,
        None => Ok(()),
    }
}

/// Lets the call that asked go on, and forgets the consent.
async fn settle(inner: &Arc<Inner>, id: &str, body: &ConsentBody) -> Result<(), ApiError> {
    let commands = vec![Command::Consented { effect: body.effect.clone() }];
    let caller = inner.as_runtime(body.tenant.clone());
    let submission = Submission { caller, commands, idempotency: None };
    match Engine::of(inner).submit(&body.session, submission).await {
        Err(error) if error.code != ErrorCode::NotFound => return Err(error),
        Ok(_) | Err(_) => {}
    }
    drop_consent(inner, id).await
}

async fn drop_consent(inner: &Inner, id: &str) -> Result<(), ApiError> {
    let target = (CONSENT_KIND, id);
    match inner.control.delete_resource(&keeper(inner), target, None, Vec::new()).await {
        Err(error) if error.code != ErrorCode::NotFound => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn consent_id(state: &SecretText) -> String {
    format!("consent_{}", sha256_hex(format!("oauth state\n{}", state.expose()).as_bytes()))
}

pub(crate) fn sealed_for(id: &str) -> String {
    format!("consent/{id}")
}

fn keeper(inner: &Inner) -> Principal {
    inner.as_runtime(TenantId::parse(CONSENTS).expect("a plain id"))
}
