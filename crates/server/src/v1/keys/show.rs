//! A key as its owner reads it, and how its secret is made.

use mainstay_core::port::Entropy;
use mainstay_core::resource::{KeyKind, KeyRow};
use mainstay_protocol::{ApiError, Scope};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::spend::KeySpending;
use crate::openapi::{Tag, shape};
use crate::state::AppState;

/// What a bearer key's secret begins with.
pub const KEY_SECRET_PREFIX: &str = "msk_";
/// What a signing key's secret begins with.
const SIGNING_SECRET_PREFIX: &str = "mss_";

/// A new secret: 256 bits of randomness.
#[must_use]
pub fn mint_secret(kind: KeyKind, entropy: &dyn Entropy) -> String {
    let prefix = match kind {
        KeyKind::Bearer => KEY_SECRET_PREFIX,
        KeyKind::Sigv4 => SIGNING_SECRET_PREFIX,
    };
    format!("{prefix}{:032x}{:032x}", entropy.next(), entropy.next())
}

/// A key, without its secret.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "object", rename = "key")]
#[schemars(rename = "Key", transform = Tag("object", "key"))]
pub(crate) struct Key {
    pub(super) id: String,
    name: String,
    #[serde(rename = "type")]
    #[schemars(with = "KeyKindName")]
    kind: KeyKind,
    #[schemars(with = "Vec<ScopeName>")]
    scopes: Vec<Scope>,
    created_at: u64,
    revoked_at: Option<u64>,
    /// What it may spend, and what is spent of it; null when there is no bound.
    spend_limit: Option<KeySpending>,
    /// The secret, in the answer that makes the key and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl Key {
    /// A new key, with its secret for this once.
    pub(super) async fn with_secret(
        state: &AppState,
        row: KeyRow,
        secret: String,
    ) -> Result<Self, ApiError> {
        Ok(Self { secret: Some(secret), ..Self::of(state, row).await? })
    }

    /// A key as it is now.
    pub(super) async fn of(state: &AppState, row: KeyRow) -> Result<Self, ApiError> {
        Ok(Self {
            spend_limit: KeySpending::of(state, &row).await?,
            kind: row.kind(),
            id: row.id.to_string(),
            name: row.name,
            scopes: row.scopes,
            created_at: row.created_at_ms / 1_000,
            revoked_at: row.revoked_at_ms.map(|at_ms| at_ms / 1_000),
            secret: None,
        })
    }
}

shape! {
    /// What a key allows.
    ScopeName = |_| {
        let scopes = [Scope::Use, Scope::Admin, Scope::Import];
        json!({"type": "string", "enum": scopes.map(Scope::as_str)})
    }
}

shape! {
    /// How a key is shown to the server.
    KeyKindName = |_| json!({"type": "string", "enum": [KeyKind::Bearer, KeyKind::Sigv4]})
}
