//! `DELETE /v1/keys/{key}`: the key opens nothing from now on.

use axum::Json;
use axum::extract::State;
use mainstay_protocol::{KeyId, Scope};
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::error::{Answer, not_found};
use crate::extract::Ids;
use crate::openapi::{Doc, schema_of, shape};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const REVOKE: Doc = Doc::new("revokeKey", "Revoke a key")
    .answers(schema_of::<RevokedKey>)
    .scope(Scope::Admin)
    .extension();

/// Answers what was revoked.
pub(crate) async fn revoke(
    State(state): State<AppState>,
    caller: Caller,
    Ids(key): Ids<String>,
) -> Answer<Json<Value>> {
    caller.require(Scope::Admin)?;
    let id = KeyId::parse(&key).map_err(|_| not_found("key", &key))?;
    state.engine().control().revoke_key(&caller.0, &id).await?;
    Ok(Json(json!({"id": id, "object": "key.deleted", "deleted": true})))
}

shape! {
    /// What was revoked.
    RevokedKey = |_| json!({
        "type": "object",
        "required": ["id", "object", "deleted"],
        "properties": {
            "id": {"type": "string"},
            "object": {"const": "key.deleted"},
            "deleted": {"const": true},
        },
    })
}
