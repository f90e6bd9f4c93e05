//! This server as a client of authorization servers that registered it, for the consents of a tenant.
//!
//! Invariant: one for each authorization server and address to come back to, sealed; kept when a consent
//! with it was completed, and dropped when one with it failed, so that the next registers anew.

use std::sync::Arc;

use mainstay_core::port::{ClientPlace, Registration};
use mainstay_core::resource::Sealed;
use mainstay_protocol::{ApiError, ErrorCode, TenantId, sha256_hex};
use serde::{Deserialize, Serialize};

use crate::control::{NewResource, ResourceChange};
use crate::engine::Inner;

/// The kind of clients.
pub(crate) const CLIENT_KIND: &str = "oauth_client";
/// Where they stand.
const ACTIVE: &str = "active";

/// A client, as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct ClientBody {
    issuer: String,
    redirect_uri: String,
    client_id: String,
    client: Sealed,
}

/// The tenant's. One that cannot be opened is registered anew.
pub(super) async fn kept(
    inner: &Inner,
    tenant: &TenantId,
) -> Result<Arc<[Registration]>, ApiError> {
    let rows = inner.control.resources(tenant, CLIENT_KIND, None).await?;
    let open = |row: &mainstay_core::resource::ResourceRow| {
        let body: ClientBody = row.read().ok()?;
        let client = inner.parts.seals.open(&sealed_for(tenant, &row.id), &body.client).ok()?;
        let place = ClientPlace { issuer: body.issuer, redirect_uri: body.redirect_uri };
        Some(Registration { place, client_id: body.client_id, client })
    };
    Ok(rows.iter().filter_map(open).collect())
}

/// Keeps a client for the consents that follow, in place of the one before.
pub(super) async fn keep(
    inner: &Inner,
    tenant: &TenantId,
    registration: &Registration,
) -> Result<(), ApiError> {
    let Registration { place, client_id, client } = registration;
    let id = id_of(place);
    let sealed = inner.parts.seals.seal(&sealed_for(tenant, &id), client);
    let body = ClientBody {
        issuer: place.issuer.clone(),
        redirect_uri: place.redirect_uri.clone(),
        client_id: client_id.clone(),
        client: sealed.map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))?,
    };
    let body = serde_json::to_value(&body).expect("texts serialise");
    let caller = inner.as_runtime(tenant.clone());
    let before = inner.control.resource(tenant, CLIENT_KIND, &id).await?;
    if before.is_some() {
        let changed =
            inner.control.change_resource(&caller, (CLIENT_KIND, &id), None, move |found| {
                let mut row = found.row;
                let is_same = row.body.get("client_id") == body.get("client_id");
                row.body = body.clone();
                Ok((!is_same).then(|| ResourceChange::of("resource.registered", row)))
            });
        return changed.await.map(drop);
    }
    let new = NewResource {
        kind: CLIENT_KIND,
        id,
        parent: None,
        status: ACTIVE,
        created_at_ms: None,
        body,
        tasks: Vec::new(),
    };
    // Another consent may have kept one at the same moment; either is good.
    inner.control.create_resource(&caller, new, None, Some(&|_| true)).await.map(drop)
}

/// Drops the client of a consent that failed.
pub(super) async fn forget(inner: &Inner, tenant: &TenantId, id: &str) -> Result<(), ApiError> {
    let (caller, target) = (inner.as_runtime(tenant.clone()), (CLIENT_KIND, id));
    match inner.control.delete_resource(&caller, target, None, Vec::new()).await {
        Err(error) if error.code != ErrorCode::NotFound => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Drops a client that its authorization server does not know any more.
pub(super) async fn forget_client(
    inner: &Inner,
    tenant: &TenantId,
    client_id: &str,
) -> Result<(), ApiError> {
    for row in inner.control.resources(tenant, CLIENT_KIND, None).await? {
        if row.body.get("client_id").and_then(serde_json::Value::as_str) == Some(client_id) {
            forget(inner, tenant, &row.id).await?;
        }
    }
    Ok(())
}

/// The name of a client among a tenant's.
pub(super) fn id_of(place: &ClientPlace) -> String {
    let ClientPlace { issuer, redirect_uri } = place;
    format!("client_{}", sha256_hex(format!("oauth client\n{issuer}\n{redirect_uri}").as_bytes()))
}

pub(crate) fn sealed_for(tenant: &TenantId, id: &str) -> String {
    format!("oauth_client/{tenant}/{id}")
}
