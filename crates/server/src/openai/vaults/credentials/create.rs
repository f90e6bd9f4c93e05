//! `POST /v1/vaults/{vault}/credentials`: seals a secret.

use axum::Json;
use axum::extract::State;
use mainstay_protocol::CredentialId;

use super::object::Credential;
use super::params::CredentialCreateParams;
use super::safe::new_credential;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::resource::{Asked, find};
use crate::openai::vaults::VAULT;
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const CREATE: Doc = Doc::new("createCredential", "Put a credential into a vault");

/// Answers the credential, without its secrets.
pub(crate) async fn create(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(vault): Ids<String>,
    request: Asked<CredentialCreateParams>,
) -> Answer<Json<Credential>> {
    find(&state, &caller, VAULT, &vault).await?;
    let id = CredentialId::mint(&mut state.mint()).to_string();
    let new = new_credential(&state, &caller, (&vault, &id), &request.value)?;
    let control = state.engine().control();
    let row = control.create_resource(&caller, new, request.key, None).await?;
    Ok(Json(Credential::of(&row)?))
}
