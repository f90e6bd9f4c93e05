//! `DELETE /v1/vaults/{vault}`: the vault goes with all its credentials.

use axum::Json;
use axum::extract::State;

use super::credentials::CREDENTIAL;
use super::object::VAULT;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::resource::find;
use crate::openai::wire::{Deleted, DeletedObject};
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const DELETE: Doc = Doc::new("deleteVault", "Delete a vault and its credentials");

/// Answers what was deleted. Sessions that named the vault go on without it.
pub(crate) async fn delete(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(vault): Ids<String>,
) -> Answer<Json<Deleted>> {
    find(&state, &caller, VAULT, &vault).await?;
    let control = state.engine().control();
    let target = (VAULT.0, vault.as_str());
    control.delete_resource(&caller, target, Some(CREDENTIAL.0), Vec::new()).await?;
    Ok(Json(Deleted::of(vault, DeletedObject::Vault)))
}
