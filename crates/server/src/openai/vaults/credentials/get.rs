//! `GET /v1/vaults/{vault}/credentials/{credential}`: a credential without its secrets.

use axum::Json;
use axum::extract::State;

use super::object::{Credential, find_in};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const GET: Doc = Doc::new("getCredential", "Read a credential, without its secrets");

/// Answers the credential.
pub(crate) async fn get(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids((vault, credential)): Ids<(String, String)>,
) -> Answer<Json<Credential>> {
    Ok(Json(Credential::of(&find_in(&state, &caller, &vault, &credential).await?)?))
}
