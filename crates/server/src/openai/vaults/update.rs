//! `POST /v1/vaults/{vault}`: its name and metadata.

use axum::Json;
use axum::extract::State;
use mainstay_runtime::ResourceChange;

use super::object::{VAULT, Vault, VaultBody};
use super::params::{VaultUpdateParams, trimmed};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::resource::{Asked, body_of, find, to_body};
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const UPDATE: Doc = Doc::new("updateVault", "Change a vault");

/// Answers the vault as it is now.
pub(crate) async fn update(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(vault): Ids<String>,
    request: Asked<VaultUpdateParams>,
) -> Answer<Json<Vault>> {
    find(&state, &caller, VAULT, &vault).await?;
    let Asked { value: params, key } = request;
    let control = state.engine().control();
    let target = (VAULT.0, vault.as_str());
    let changed = control.change_resource(&caller, target, key, |found| {
        let mut row = found.row;
        let before: VaultBody = body_of(&row)?;
        let name = params.name.clone().map(|name| trimmed(&name));
        let body = VaultBody {
            name: name.over_option(before.name.clone()),
            metadata: params.metadata.clone().unwrap_or_else(|| before.metadata.clone()),
        };
        if body == before {
            return Ok(None);
        }
        row.body = to_body(&body);
        Ok(Some(ResourceChange::of("resource.updated", row)))
    });
    Ok(Json(Vault::of(&changed.await?)?))
}
