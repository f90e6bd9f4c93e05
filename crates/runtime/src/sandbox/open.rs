//! A session's machine as it is asked for: its setup opened, its secrets looked up.

use std::sync::Arc;

use mainstay_core::port::{
    SandboxRequest, SandboxSecret, SandboxSetup, SandboxSpec, Seals, SecretText, ToolError,
    WorldChange,
};
use mainstay_core::resource::{CredentialAuth, CredentialBody, ResourceRow, Sealed};
use mainstay_core::sandbox::{SessionSandbox, placeholder};
use mainstay_core::session::{ConfigRow, SESSION_CONFIGS};
use mainstay_protocol::{ApiError, ErrorCode, RowKey, SessionId, TenantId};

use crate::engine::{Inner, api_error};
use crate::vault;

/// The machine of a session that is to be created.
#[derive(Debug, Clone)]
pub struct NewSandbox {
    /// What it is made from.
    pub spec: SandboxSpec,
    /// What is put into a new one.
    pub setup: SandboxSetup,
}

/// A new session's machine, as its journal keeps it.
pub(crate) fn sealed(
    seals: &dyn Seals,
    tenant: &TenantId,
    session: &SessionId,
    new: NewSandbox,
) -> Result<SessionSandbox, ApiError> {
    let mut sandbox = SessionSandbox { spec: new.spec, setup: None, origin: session.clone() };
    if new.setup != SandboxSetup::default() {
        sandbox.setup = Some(seal(seals, &sandbox.sealed_for(tenant), &new.setup)?);
    }
    Ok(sandbox)
}

fn seal(seals: &dyn Seals, belongs_to: &str, setup: &SandboxSetup) -> Result<Sealed, ApiError> {
    let text = serde_json::to_string(setup).expect("texts and lists of texts serialise");
    seals.seal(belongs_to, &SecretText::from(text)).map_err(|error| {
        let message = format!("the environment's set-up cannot be kept: {error}");
        ApiError::new(ErrorCode::Unsupported, message).with_param("environment")
    })
}

/// The machine of a session that was brought in. What another installation or tenant sealed cannot be
/// opened here, and stays behind.
pub(crate) fn resealed(
    seals: &dyn Seals,
    tenant: &TenantId,
    sandbox: &SessionSandbox,
) -> SessionSandbox {
    let opens = |sealed: &Sealed| seals.open(&sandbox.sealed_for(tenant), sealed).is_ok();
    let setup = sandbox.setup.clone().filter(opens);
    SessionSandbox { setup, ..sandbox.clone() }
}

/// A session's machine of which nothing more is known yet.
pub(crate) fn bare_request(
    tenant: &TenantId,
    session: &SessionId,
    spec: &SandboxSpec,
) -> Arc<SandboxRequest> {
    Arc::new(SandboxRequest {
        tenant: tenant.clone(),
        session: session.clone(),
        spec: Arc::new(spec.clone()),
        setup: Arc::default(),
        secrets: Arc::from([]),
        checkpoint: None,
        calls_since: 0,
        told_resets: 0,
    })
}

/// The request with what is sealed opened, for the machine alone.
pub(crate) async fn opened(
    inner: &Inner,
    request: &SandboxRequest,
) -> Result<Arc<SandboxRequest>, ToolError> {
    let config = config(inner, &request.session).await.map_err(|error| failed(&error))?;
    let Some(config) = config else { return Err(terminal("the session is gone".to_owned())) };
    let (tenant, session) = (&request.tenant, &request.session);
    let setup = match config.sandbox.as_deref() {
        Some(sandbox) => setup(inner, tenant, sandbox)?,
        None => SandboxSetup::default(),
    };
    let secrets = secrets(inner, tenant, session, &config).await?;
    let request = SandboxRequest { setup: Arc::new(setup), secrets, ..request.clone() };
    Ok(Arc::new(request))
}

async fn config(inner: &Inner, session: &SessionId) -> Result<Option<ConfigRow>, ApiError> {
    let key = RowKey::new(&SESSION_CONFIGS, &[session.as_str()]);
    let row = inner.parts.store.row(&key).await.map_err(|error| api_error(&error))?;
    Ok(row.and_then(|row| row.read().ok()))
}

fn setup(
    inner: &Inner,
    tenant: &TenantId,
    sandbox: &SessionSandbox,
) -> Result<SandboxSetup, ToolError> {
    let Some(sealed) = &sandbox.setup else { return Ok(SandboxSetup::default()) };
    let unusable = |what: String| terminal(format!("the environment's set-up: {what}"));
    let text = inner.parts.seals.open(&sandbox.sealed_for(tenant), sealed);
    let text = text.map_err(|error| unusable(error.to_string()))?;
    serde_json::from_str(text.expose()).map_err(|error| unusable(error.to_string()))
}

/// The session's credentials that machines know by a placeholder.
async fn secrets(
    inner: &Inner,
    tenant: &TenantId,
    session: &SessionId,
    config: &ConfigRow,
) -> Result<Arc<[SandboxSecret]>, ToolError> {
    let attached = vault::attached(inner, tenant, &config.wire).await;
    let attached = attached.map_err(|error| failed(&error))?;
    let secrets = attached.iter().filter_map(|row| secret(inner, session, row).transpose());
    Ok(secrets.collect::<Result<Vec<_>, _>>()?.into())
}

fn secret(
    inner: &Inner,
    session: &SessionId,
    row: &ResourceRow,
) -> Result<Option<SandboxSecret>, ToolError> {
    let body: CredentialBody = row.read().map_err(|error| terminal(error.to_string()))?;
    let CredentialAuth::EnvironmentVariable { secret_name, secret_value, allowed_hosts } =
        body.auth
    else {
        return Ok(None);
    };
    let belongs_to = vault::belongs_to(row, "secret_value");
    let value = inner.parts.seals.open(&belongs_to, &secret_value).map_err(|error| {
        terminal(format!("the credential {:?} cannot be used: {error}", row.id))
    })?;
    let placeholder = placeholder(session, &row.id);
    let secret = SandboxSecret { variable: secret_name, placeholder, value, hosts: allowed_hosts };
    Ok(Some(secret))
}

/// Nothing was run, so nothing changed; asking again does not help.
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
        message: format!("look up the session's environment: {}", error.message),
        retryable: error.code.retryable(),
        world: WorldChange::No,
        retry_after_ms: None,
        needs: None,
    }
}
