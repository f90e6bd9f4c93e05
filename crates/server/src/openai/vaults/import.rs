//! `POST /v1/vaults/import`: a vault under the id that it had elsewhere.

use axum::Json;
use axum::extract::State;
use mainstay_protocol::Scope;

use super::create::new_vault;
use super::object::Vault;
use super::params::VaultCreateParams;
use crate::auth::Caller;
use crate::error::Answer;
use crate::openai::resource::{Asked, Import, import_answer};
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const IMPORT: Doc = Doc::new("importVault", "Bring a vault in under an id that it had")
    .scope(Scope::Import)
    .extension();

/// Answers the vault. The same vault brought in again is answered as it is.
pub(crate) async fn import(
    State(state): State<AppState>,
    caller: Caller,
    request: Asked<Import<VaultCreateParams>>,
) -> Answer<Json<Vault>> {
    let Asked { value: Import { id, value }, key } = request;
    import_answer(caller, async |caller| {
        let new = new_vault(id, value);
        let body = new.body.clone();
        let control = state.engine().control();
        let is_same = move |row: &mainstay_core::resource::ResourceRow| row.body == body;
        Vault::of(&control.create_resource(&caller, new, key, Some(&is_same)).await?)
    })
    .await
}
