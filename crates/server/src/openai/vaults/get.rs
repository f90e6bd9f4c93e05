//! `GET /v1/vaults/{vault}`: a vault.

use axum::Json;
use axum::extract::State;

use super::object::{VAULT, Vault};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::resource::find;
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const GET: Doc = Doc::new("getVault", "Read a vault");

/// Answers the vault.
pub(crate) async fn get(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(vault): Ids<String>,
) -> Answer<Json<Vault>> {
    Ok(Json(Vault::of(&find(&state, &caller, VAULT, &vault).await?)?))
}
