//! `POST /v1/vaults/{vault}/credentials/{credential}`: new secrets, new metadata.

use axum::Json;
use axum::extract::State;
use mainstay_core::resource::CredentialBody;
use mainstay_runtime::ResourceChange;

use super::object::{CREDENTIAL, Credential, find_in};
use super::rotate::rotate;
use super::rotate_params::CredentialUpdateParams;
use super::safe::Safe;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::resource::{Asked, body_of, to_body};
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const UPDATE: Doc = Doc::new("updateCredential", "Change a credential, or its secrets");

/// Answers the credential as it is now. Calls that are under way end with the secrets that they
/// began with.
pub(crate) async fn update(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids((vault, id)): Ids<(String, String)>,
    request: Asked<CredentialUpdateParams>,
) -> Answer<Json<Credential>> {
    find_in(&state, &caller, &vault, &id).await?;
    let Asked { value: params, key } = request;
    let safe = Safe { state: &state, tenant: &caller.tenant, vault: &vault, credential: &id };
    let control = state.engine().control();
    let changed = control.change_resource(&caller, (CREDENTIAL.0, &id), key, |found| {
        let mut row = found.row;
        let mut body: CredentialBody = body_of(&row)?;
        if let Some(new) = &params.auth {
            rotate(&safe, &mut body.auth, new)?;
        }
        if let Some(metadata) = &params.metadata {
            body.metadata.clone_from(metadata);
        }
        let body = to_body(&body);
        if body == row.body {
            return Ok(None);
        }
        row.body = body;
        Ok(Some(ResourceChange::of("resource.updated", row)))
    });
    Ok(Json(Credential::of(&changed.await?)?))
}
