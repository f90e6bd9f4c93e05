//! `GET /v1/keys`: the tenant's keys, without their secrets.

use axum::Json;
use axum::extract::State;
use mainstay_protocol::Scope;

use super::show::Key;
use crate::auth::Caller;
use crate::error::Answer;
use crate::openai::wire::List;
use crate::openapi::Doc;
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const LIST: Doc =
    Doc::new("listKeys", "List keys, without their secrets").scope(Scope::Admin).extension();

/// Answers all keys, oldest first, revoked ones too.
pub(crate) async fn list(State(state): State<AppState>, caller: Caller) -> Answer<Json<List<Key>>> {
    caller.require(Scope::Admin)?;
    let keys = state.engine().control().keys(&caller.0.tenant).await?;
    let mut shown = Vec::with_capacity(keys.len());
    for key in keys {
        shown.push(Key::of(&state, key).await?);
    }
    let more = false;
    Ok(Json(List::page(shown, more, |key: &Key| &key.id)))
}
