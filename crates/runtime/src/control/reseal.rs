//! Secrets of credentials and webhook endpoints, sealed again under the key that seals now.
//!
//! Invariant: each resource changes by itself, so that a stop in the middle leaves every secret under a
//! key that opens it. Deliberately absent: what is sealed in journals, which nobody rewrites, and what
//! lapses by itself.

use mainstay_core::port::{SealError, Seals};
use mainstay_core::resource::{
    CREDENTIAL_KIND, CredentialAuth, CredentialBody, EndpointBody, OauthClientAuth, RESOURCES,
    ResourceRow, Sealed, WEBHOOK_KIND, sealed_for, webhook_sealed_for,
};
use mainstay_protocol::{ApiError, ErrorCode, Principal, PrincipalId};
use mainstay_store::{Direction, RowScan};

use super::{Control, PAGE_LIMIT_COUNT, ResourceChange, parse};
use crate::engine::api_error;

impl Control {
    /// Seals every credential's and webhook endpoint's secrets again; answers how many there were.
    pub async fn reseal(&self, seals: &dyn Seals) -> Result<usize, ApiError> {
        let mut count = 0;
        let mut after = None;
        loop {
            let scan = RowScan {
                spec: RESOURCES.name.into(),
                index: RESOURCES.indexes[0].iter().map(|column| (*column).into()).collect(),
                prefix: Vec::new(),
                after,
                direction: Direction::Ascending,
                limit_count: PAGE_LIMIT_COUNT,
            };
            let page = self.store.rows(scan).await.map_err(|error| api_error(&error))?;
            for row in &page.rows {
                count += usize::from(self.reseal_one(&parse(row)?, seals).await?);
            }
            if !page.has_more {
                return Ok(count);
            }
            after = page.rows.last().map(|row| row.key.clone());
        }
    }

    async fn reseal_one(&self, row: &ResourceRow, seals: &dyn Seals) -> Result<bool, ApiError> {
        let kind = match row.kind.as_ref() {
            CREDENTIAL_KIND => CREDENTIAL_KIND,
            WEBHOOK_KIND => WEBHOOK_KIND,
            _ => return Ok(false),
        };
        let id = PrincipalId::parse("operator").expect("a plain id");
        let caller = Principal { tenant: row.tenant.clone(), id, scopes: Vec::new() };
        let target = (kind, row.id.as_str());
        let changed = self.change_resource(&caller, target, None, |found| {
            let mut row = found.row;
            row.body = if kind == CREDENTIAL_KIND {
                credential(&row, seals)?
            } else {
                endpoint(&row, seals)?
            };
            Ok(Some(ResourceChange::of("resource.resealed", row)))
        });
        changed.await.map(|_| true)
    }
}

fn credential(row: &ResourceRow, seals: &dyn Seals) -> Result<serde_json::Value, ApiError> {
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

fn endpoint(row: &ResourceRow, seals: &dyn Seals) -> Result<serde_json::Value, ApiError> {
    let mut body: EndpointBody = row.read().map_err(|error| shapeless(&error))?;
    let belongs_to = webhook_sealed_for(&row.tenant, &row.id);
    resealed(seals, &belongs_to, &mut body.secret)?;
    if let Some(previous) = &mut body.previous {
        resealed(seals, &belongs_to, &mut previous.secret)?;
    }
    serde_json::to_value(&body).map_err(|error| shapeless(&error))
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
