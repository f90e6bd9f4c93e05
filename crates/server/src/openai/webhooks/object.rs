//! A webhook endpoint as clients see it; its secret is shown when it is new, and then never again.

use mainstay_core::port::SecretText;
use mainstay_core::resource::{
    EndpointBody, ResourceRow, Sealed, WEBHOOK_KIND, webhook_sealed_for,
};
use mainstay_protocol::{ApiError, ErrorCode, TenantId};
use mainstay_runtime::WebhookSecret;
use schemars::JsonSchema;
use serde::Serialize;

use crate::openai::resource::{body_of, seconds};
use crate::state::AppState;

/// The kind of the resource, and what its refusals call it.
pub(crate) const ENDPOINT: (&str, &str) = (WEBHOOK_KIND, "webhook endpoint");
/// Endpoints have one status.
pub(super) const ACTIVE: &str = "active";

/// A webhook endpoint.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct WebhookEndpoint {
    pub(crate) id: String,
    object: &'static str,
    created_at: u64,
    updated_at: u64,
    name: String,
    url: String,
    event_types: Vec<String>,
    signing_secret_hint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_secret: Option<String>,
}

impl WebhookEndpoint {
    pub(super) fn of(row: &ResourceRow) -> Result<Self, ApiError> {
        let body: EndpointBody = body_of(row)?;
        Ok(Self {
            id: row.id.clone(),
            object: "webhook_endpoint",
            created_at: seconds(row.created_at_ms),
            updated_at: seconds(row.updated_at_ms),
            name: body.name,
            url: body.url,
            event_types: body.event_types,
            signing_secret_hint: body.hint,
            signing_secret: None,
        })
    }

    /// The endpoint with its secret, for who has just made it.
    pub(super) fn with_secret(state: &AppState, row: &ResourceRow) -> Result<Self, ApiError> {
        let body: EndpointBody = body_of(row)?;
        let belongs_to = webhook_sealed_for(&row.tenant, &row.id);
        let opened = state.engine().seals().open(&belongs_to, &body.secret);
        let secret =
            opened.map_err(|error| ApiError::new(ErrorCode::Unsupported, error.to_string()))?;
        Ok(Self { signing_secret: Some(secret.expose().to_owned()), ..Self::of(row)? })
    }
}

/// A secret as an endpoint keeps it.
pub(super) fn sealed(
    state: &AppState,
    tenant: &TenantId,
    endpoint: &str,
    secret: &WebhookSecret,
) -> Result<Sealed, ApiError> {
    let text: &SecretText = secret.text();
    let sealed = state.engine().seals().seal(&webhook_sealed_for(tenant, endpoint), text);
    sealed.map_err(|error| ApiError::new(ErrorCode::Unsupported, error.to_string()))
}
