//! `POST /v1/vaults`: a vault without credentials.

use axum::Json;
use axum::extract::State;
use mainstay_protocol::VaultId;
use mainstay_runtime::NewResource;

use super::object::{ACTIVE, VAULT, Vault, VaultBody};
use super::params::{VaultCreateParams, trimmed};
use crate::auth::Caller;
use crate::error::Answer;
use crate::openai::resource::{Asked, to_body};
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const CREATE: Doc = Doc::new("createVault", "Make a vault");

/// Answers the vault.
pub(crate) async fn create(
    State(state): State<AppState>,
    Caller(caller): Caller,
    request: Asked<VaultCreateParams>,
) -> Answer<Json<Vault>> {
    let new = new_vault(VaultId::mint(&mut state.mint()).to_string(), request.value);
    let control = state.engine().control();
    let row = control.create_resource(&caller, new, request.key, None).await?;
    Ok(Json(Vault::of(&row)?))
}

/// A vault as a request describes it.
pub(super) fn new_vault(id: String, params: VaultCreateParams) -> NewResource {
    let body = VaultBody {
        name: params.name.as_deref().map(trimmed),
        metadata: params.metadata.unwrap_or_default(),
    };
    NewResource {
        kind: VAULT.0,
        id,
        parent: None,
        status: ACTIVE,
        created_at_ms: None,
        body: to_body(&body),
        tasks: Vec::new(),
    }
}
