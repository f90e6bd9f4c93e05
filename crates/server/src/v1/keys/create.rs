//! `POST /v1/keys`: a new key. Its secret is in this answer and nowhere else.

use axum::Json;
use axum::extract::State;
use mainstay_core::resource::{KeyKind, KeyRow};
use mainstay_protocol::{ApiError, KeyId, Scope};
use schemars::JsonSchema;
use serde::Deserialize;

use super::show::{Key, KeyKindName, ScopeName, mint_secret};
use super::spend::KeySpendLimitParams;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Checked;
use crate::openai::wire::{At, Validate};
use crate::openapi::Doc;
use crate::state::AppState;

/// The longest name of a key.
const MAX_KEY_NAME_CHARS: usize = 128;

/// `POST /v1/keys`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyCreateParams {
    /// A name for people.
    #[schemars(length(min = 1, max = MAX_KEY_NAME_CHARS))]
    name: String,
    /// What it allows.
    #[serde(default = "use_only")]
    #[schemars(with = "Vec<ScopeName>", length(min = 1))]
    scopes: Vec<Scope>,
    /// How it is shown: `sigv4` makes a signing key, whose id is the access key id.
    #[serde(default, rename = "type")]
    #[schemars(with = "KeyKindName")]
    kind: KeyKind,
    /// What it may spend; without bound when absent or null.
    #[serde(default)]
    spend_limit: Option<KeySpendLimitParams>,
}

fn use_only() -> Vec<Scope> {
    vec![Scope::Use]
}

impl Validate for KeyCreateParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        if self.name.is_empty() || self.name.chars().count() > MAX_KEY_NAME_CHARS {
            return Err(at
                .field("name")
                .invalid(format!("is not 1 to {MAX_KEY_NAME_CHARS} characters")));
        }
        if self.scopes.is_empty() {
            return Err(at.field("scopes").invalid("must not be empty"));
        }
        self.spend_limit.as_ref().map_or(Ok(()), |limit| limit.validate(&at.field("spend_limit")))
    }
}

/// Its entry in the document of the API.
pub(crate) const CREATE: Doc =
    Doc::new("createKey", "Make a key").scope(Scope::Admin).extension().kept();

/// Answers the key with its secret. It acts as the principal that made it.
pub(crate) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    request: Checked<KeyCreateParams>,
) -> Answer<Json<Key>> {
    caller.require(Scope::Admin)?;
    let Caller(caller) = caller;
    let params = request.value;
    let engine = state.engine();
    let secret = mint_secret(params.kind, engine.entropy().as_ref());
    let row = KeyRow {
        id: KeyId::mint(&mut state.mint()),
        tenant: caller.tenant.clone(),
        principal: caller.id.clone(),
        name: params.name,
        scopes: params.scopes,
        created_at_ms: state.now_ms(),
        revoked_at_ms: None,
        signing_secret: None,
        spend_limit: params.spend_limit.map(Into::into),
    };
    let seals = engine.seals().as_ref();
    let row = engine.control().issue_key(&caller, row, params.kind, &secret, seals).await?;
    Ok(Json(Key::with_secret(&state, row, secret).await?))
}
