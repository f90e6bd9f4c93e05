//! `POST /v1/keys/{key}`: what the key may spend from now on.

use axum::Json;
use axum::extract::State;
use mainstay_core::spend::KeySpendLimit;
use mainstay_protocol::{ApiError, ErrorCode, KeyId, Scope};
use schemars::JsonSchema;
use serde::Deserialize;

use super::show::Key;
use super::spend::KeySpendLimitParams;
use crate::auth::Caller;
use crate::error::{Answer, not_found};
use crate::extract::{Checked, Ids};
use crate::openai::wire::{At, Patch, Validate};
use crate::openapi::Doc;
use crate::state::AppState;

/// `POST /v1/keys/{key}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyUpdateParams {
    /// What it may spend; without bound when null.
    #[serde(default)]
    spend_limit: Patch<KeySpendLimitParams>,
}

impl Validate for KeyUpdateParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        let at = at.field("spend_limit");
        match &self.spend_limit {
            Patch::Keep => Err(at.missing("is missing; nothing else of a key changes")),
            Patch::Clear => Ok(()),
            Patch::Set(limit) => limit.validate(&at),
        }
    }
}

/// Its entry in the document of the API.
pub(crate) const UPDATE: Doc = Doc::new("updateKey", "Change what a key may spend")
    .refuses(&[ErrorCode::NotFound])
    .scope(Scope::Admin)
    .extension()
    .kept();

/// Answers the key as it is now.
pub(crate) async fn update(
    State(state): State<AppState>,
    caller: Caller,
    Ids(key): Ids<String>,
    request: Checked<KeyUpdateParams>,
) -> Answer<Json<Key>> {
    caller.require(Scope::Admin)?;
    let id = KeyId::parse(&key).map_err(|_| not_found("key", &key))?;
    let limit = match request.value.spend_limit {
        Patch::Keep | Patch::Clear => None,
        Patch::Set(limit) => Some(KeySpendLimit::from(limit)),
    };
    let row = state.engine().control().limit_key(&caller.0, &id, limit).await?;
    Ok(Json(Key::of(&state, row).await?))
}
