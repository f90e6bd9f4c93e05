//! `DELETE /v1/vaults/{vault}/credentials/{credential}`: the secret is gone.

use axum::Json;
use axum::extract::State;

use super::object::{CREDENTIAL, find_in};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::wire::{Deleted, DeletedObject};
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const DELETE: Doc = Doc::new("deleteCredential", "Delete a credential");

/// Answers what was deleted.
pub(crate) async fn delete(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids((vault, credential)): Ids<(String, String)>,
) -> Answer<Json<Deleted>> {
    find_in(&state, &caller, &vault, &credential).await?;
    let target = (CREDENTIAL.0, credential.as_str());
    state.engine().control().delete_resource(&caller, target, None, Vec::new()).await?;
    Ok(Json(Deleted::of(credential, DeletedObject::Credential)))
}
