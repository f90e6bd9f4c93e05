//! Secrets of resources and keys, sealed again under the key that seals now.
//!
//! Invariant: each resource and key changes by itself, so that a stop in the middle leaves every secret
//! under a key that opens it. Deliberately absent: what is sealed in journals, which nobody rewrites (it
//! is only counted), and kept answers, which lapse within a day.

use mainstay_core::port::{SealError, Seals};
use mainstay_core::resource::{
    AUTOMATION_KIND, AutomationBody, CREDENTIAL_KIND, CredentialAuth, CredentialBody, EndpointBody,
    INVOCATION_KIND, InvocationBody, KEYS, KeyRow, OauthClientAuth, RESOURCES, ResourceRow, Sealed,
    TEMPLATE_KIND, TEMPLATE_SECRET, WEBHOOK_KIND, automation_sealed_for, key_sealed_for,
    sealed_for, template_sealed_for, webhook_sealed_for,
};
use mainstay_core::session::{ConfigRow, SESSION_CONFIGS, SESSIONS, SessionRow};
use mainstay_protocol::{
    ApiError, ErrorCode, Principal, PrincipalId, Row, RowChange, RowKey, RowSpec, SessionId,
    TenantId,
};
use mainstay_store::{Direction, RowScan};
use serde_json::{Value, json};

use super::keys::key_row;
use super::{Control, PAGE_LIMIT_COUNT, ResourceChange, parse};
use crate::engine::api_error;
use crate::vault::clients::{self, CLIENT_KIND};
use crate::vault::consent::{self, CONSENT_KIND};

/// What was sealed again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Credentials and webhook endpoints.
    pub credential_count: usize,
    /// Environment templates.
    pub template_count: usize,
    /// Automations with an environment, and invocations of them that wait.
    pub automation_count: usize,
    /// Signing keys.
    pub key_count: usize,
    /// Consents that wait for a person.
    pub consent_count: usize,
    /// Clients that authorization servers registered.
    pub client_count: usize,
}

impl Control {
    /// Seals the secrets of all resources and keys again.
    pub async fn reseal(&self, seals: &dyn Seals) -> Result<Resealed, ApiError> {
        let mut done = Resealed::default();
        let mut after = None;
        loop {
            let (rows, next) = self.part(&RESOURCES, after).await?;
            for row in &rows {
                self.reseal_one(&parse(row)?, seals, &mut done).await?;
            }
            after = next;
            if after.is_none() {
                break;
            }
        }
        loop {
            let (rows, next) = self.part(&KEYS, after).await?;
            for row in &rows {
                done.key_count += usize::from(self.reseal_key(row, seals).await?);
            }
            after = next;
            if after.is_none() {
                return Ok(done);
            }
        }
    }

    /// The sessions whose journals hold the set-up of a machine that `opens` does not open.
    pub async fn unopened_setups(
        &self,
        opens: impl Fn(&str, &Sealed) -> bool,
    ) -> Result<Vec<SessionId>, ApiError> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let (rows, next) = self.part(&SESSION_CONFIGS, after).await?;
            for row in &rows {
                let config: ConfigRow = parse(row)?;
                let Some(sandbox) = config.sandbox.filter(|own| own.setup.is_some()) else {
                    continue;
                };
                let key = RowKey::new(&SESSIONS, &[&row.key.values[0]]);
                let Some(session) = self.read::<SessionRow>(key).await? else { continue };
                let setup = sandbox.setup.as_ref();
                if !setup.is_none_or(|sealed| opens(&sandbox.sealed_for(&session.tenant), sealed)) {
                    found.push(session.id);
                }
            }
            after = next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    /// The next rows of a spec, and behind which row others follow.
    async fn part(
        &self,
        spec: &RowSpec,
        after: Option<RowKey>,
    ) -> Result<(Vec<Row>, Option<RowKey>), ApiError> {
        let index = spec.indexes.first().copied().unwrap_or_default();
        let scan = RowScan {
            spec: spec.name.into(),
            index: index.iter().map(|column| (*column).into()).collect(),
            prefix: Vec::new(),
            after,
            direction: Direction::Ascending,
            limit_count: PAGE_LIMIT_COUNT,
        };
        let page = self.store.rows(scan).await.map_err(|error| api_error(&error))?;
        let next = page.rows.last().map(|row| row.key.clone()).filter(|_| page.has_more);
        Ok((page.rows, next))
    }

    async fn reseal_one(
        &self,
        row: &ResourceRow,
        seals: &dyn Seals,
        done: &mut Resealed,
    ) -> Result<(), ApiError> {
        let (kind, count) = match row.kind.as_ref() {
            CREDENTIAL_KIND => (CREDENTIAL_KIND, &mut done.credential_count),
            WEBHOOK_KIND => (WEBHOOK_KIND, &mut done.credential_count),
            TEMPLATE_KIND => (TEMPLATE_KIND, &mut done.template_count),
            CONSENT_KIND => (CONSENT_KIND, &mut done.consent_count),
            CLIENT_KIND => (CLIENT_KIND, &mut done.client_count),
            AUTOMATION_KIND if automation(row, seals)?.is_some() => {
                (AUTOMATION_KIND, &mut done.automation_count)
            }
            INVOCATION_KIND if invocation(row, seals)?.is_some() => {
                (INVOCATION_KIND, &mut done.automation_count)
            }
            _ => return Ok(()),
        };
        let target = (kind, row.id.as_str());
        let caller = operator(&row.tenant);
        let changed = self.change_resource(&caller, target, None, |found| {
            let mut row = found.row;
            row.body = match kind {
                CREDENTIAL_KIND => credential(&row, seals)?,
                WEBHOOK_KIND => endpoint(&row, seals)?,
                TEMPLATE_KIND => {
                    let belongs_to = template_sealed_for(&row.tenant, &row.id);
                    member(&row, TEMPLATE_SECRET, &belongs_to, seals)?
                }
                CLIENT_KIND => {
                    let belongs_to = clients::sealed_for(&row.tenant, &row.id);
                    member(&row, "client", &belongs_to, seals)?
                }
                AUTOMATION_KIND => automation(&row, seals)?.unwrap_or(row.body),
                INVOCATION_KIND => invocation(&row, seals)?.unwrap_or(row.body),
                _ => member(&row, "flow", &consent::sealed_for(&row.id), seals)?,
            };
            Ok(Some(ResourceChange::of("resource.resealed", row)))
        });
        changed.await?;
        *count += 1;
        Ok(())
    }

    /// A key that signs; a bearer's is only known by its hash, and one that was revoked has no secret.
    async fn reseal_key(&self, row: &Row, seals: &dyn Seals) -> Result<bool, ApiError> {
        let mut key: KeyRow = parse(row)?;
        let signs = key.revoked_at_ms.is_none();
        let Some(secret) = key.signing_secret.as_mut().filter(|_| signs) else { return Ok(false) };
        resealed(seals, &key_sealed_for(&key.tenant, &key.id), secret)?;
        let rows = vec![RowChange::Put(key_row(&key, &row.key.values[0]))];
        let told = json!({ "id": key.id });
        self.change(&operator(&key.tenant), "key.resealed", &told, rows).await?;
        Ok(true)
    }
}

fn operator(tenant: &TenantId) -> Principal {
    let id = PrincipalId::parse("operator").expect("a plain id");
    Principal { tenant: tenant.clone(), id, scopes: Vec::new() }
}

/// A body with one sealed member.
fn member(
    row: &ResourceRow,
    name: &str,
    belongs_to: &str,
    seals: &dyn Seals,
) -> Result<Value, ApiError> {
    let mut body = row.body.clone();
    let sealed = body.get(name).and_then(Value::as_str).map(|text| Sealed(text.to_owned()));
    let mut sealed = sealed.ok_or_else(|| {
        let message = format!("a {} has no {name}", row.kind);
        ApiError::new(ErrorCode::JournalCorrupt, message)
    })?;
    resealed(seals, belongs_to, &mut sealed)?;
    body[name] = sealed.0.into();
    Ok(body)
}

fn credential(row: &ResourceRow, seals: &dyn Seals) -> Result<Value, ApiError> {
    let mut body: CredentialBody = row.read().map_err(|error| shapeless(&error))?;
    let vault = row.parent.as_deref().unwrap_or_default();
    let again = |member: &str, sealed: &mut Sealed| {
        let belongs_to = sealed_for(&row.tenant, vault, &row.id, member);
        resealed(seals, &belongs_to, sealed)
    };
    match &mut body.auth {
        CredentialAuth::StaticBearer { token, .. } => again("token", token)?,
        CredentialAuth::EnvironmentVariable { secret_value, .. } => {
            again("secret_value", secret_value)?;
        }
        CredentialAuth::McpOauth { access_token, refresh, .. } => {
            again("access_token", access_token)?;
            if let Some(refresh) = refresh {
                again("refresh_token", &mut refresh.refresh_token)?;
                match &mut refresh.token_endpoint_auth {
                    OauthClientAuth::None => {}
                    OauthClientAuth::ClientSecretBasic { client_secret }
                    | OauthClientAuth::ClientSecretPost { client_secret } => {
                        again("client_secret", client_secret)?;
                    }
                }
            }
        }
    }
    serde_json::to_value(&body).map_err(|error| shapeless(&error))
}

fn endpoint(row: &ResourceRow, seals: &dyn Seals) -> Result<Value, ApiError> {
    let mut body: EndpointBody = row.read().map_err(|error| shapeless(&error))?;
    let belongs_to = webhook_sealed_for(&row.tenant, &row.id);
    resealed(seals, &belongs_to, &mut body.secret)?;
    if let Some(previous) = &mut body.previous {
        resealed(seals, &belongs_to, &mut previous.secret)?;
    }
    serde_json::to_value(&body).map_err(|error| shapeless(&error))
}

/// An automation's body, if something of it is sealed.
fn automation(row: &ResourceRow, seals: &dyn Seals) -> Result<Option<Value>, ApiError> {
    let mut body: AutomationBody = row.read().map_err(|error| shapeless(&error))?;
    let is_sealed = environment(&mut body, &row.tenant, &row.id, seals)?;
    is_sealed.then(|| serde_json::to_value(&body).map_err(|error| shapeless(&error))).transpose()
}

/// The same of an invocation, which has its automation as it was.
fn invocation(row: &ResourceRow, seals: &dyn Seals) -> Result<Option<Value>, ApiError> {
    let mut body: InvocationBody = row.read().map_err(|error| shapeless(&error))?;
    let automation = row.parent.as_deref().unwrap_or_default();
    let is_sealed = environment(&mut body.automation, &row.tenant, automation, seals)?;
    is_sealed.then(|| serde_json::to_value(&body).map_err(|error| shapeless(&error))).transpose()
}

fn environment(
    body: &mut AutomationBody,
    tenant: &TenantId,
    automation: &str,
    seals: &dyn Seals,
) -> Result<bool, ApiError> {
    let environment = body.environment_mut();
    let Some(sealed) = environment.and_then(|own| own.sealed.as_mut()) else { return Ok(false) };
    resealed(seals, &automation_sealed_for(tenant, automation), sealed)?;
    Ok(true)
}

fn resealed(seals: &dyn Seals, belongs_to: &str, sealed: &mut Sealed) -> Result<(), ApiError> {
    let failed = |error: SealError| ApiError::new(ErrorCode::Internal, error.to_string());
    let secret = seals.open(belongs_to, sealed).map_err(failed)?;
    *sealed = seals.seal(belongs_to, &secret).map_err(failed)?;
    Ok(())
}

fn shapeless(error: &serde_json::Error) -> ApiError {
    ApiError::new(ErrorCode::JournalCorrupt, format!("a resource has no shape: {error}"))
}
