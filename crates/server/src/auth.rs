//! Who calls.
//!
//! Invariant: every route but `/health`, `/health/ready`, `/v1/openapi.json` and `/v1/oauth/…` is behind
//! [`require_key`]; what comes after it has a [`Caller`]. A bearer key is looked up by the hash of its
//! secret, so that neither the time an answer takes nor the store's content tells a secret; a signing
//! key by its id, and it opens nothing as a bearer.

mod sigv4;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use mainstay_core::resource::KeyRow;
use mainstay_core::spend::KeySpendLimit;
use mainstay_protocol::{ApiError, ErrorCode, KeyId, Principal, Scope, sha256_hex};

use crate::error::{Answer, Failure};
use crate::state::AppState;

/// The authenticated caller of a request.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Principal);

impl Caller {
    /// Refuses a caller whose key does not allow this.
    pub(crate) fn require(&self, scope: Scope) -> Result<(), ApiError> {
        if self.0.allows(scope) {
            return Ok(());
        }
        let message = format!("this key does not have the scope {:?}", scope.as_str());
        Err(ApiError::new(ErrorCode::Forbidden, message))
    }
}

/// The key that a request came with.
#[derive(Debug, Clone)]
pub(crate) struct CallerKey {
    pub(crate) id: KeyId,
    /// What it may spend.
    pub(crate) spend_limit: Option<KeySpendLimit>,
}

/// Lets a request through if it carries a valid key.
pub(crate) async fn require_key(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    match identify(&state, request).await {
        Ok((caller, key, mut request)) => {
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(key);
            next.run(request).await
        }
        Err(failure) => failure.into_response(),
    }
}

async fn identify(state: &AppState, request: Request) -> Answer<(Caller, CallerKey, Request)> {
    let (key, request) = if sigv4::is_signed(request.headers(), request.uri()) {
        sigv4::verify(state, request).await?
    } else {
        (authenticate(state, request.headers()).await?, request)
    };
    let caller = Principal { tenant: key.tenant, id: key.principal, scopes: key.scopes };
    let key = CallerKey { id: key.id, spend_limit: key.spend_limit };
    Ok((Caller(caller), key, request))
}

async fn authenticate(state: &AppState, headers: &HeaderMap) -> Answer<KeyRow> {
    let Some(secret) = bearer(headers) else {
        let message = "no key came with the request; send it as `Authorization: Bearer KEY`";
        return Err(ApiError::new(ErrorCode::Unauthenticated, message).into());
    };
    let key = state.engine().control().key_by_secret(&sha256_hex(secret.as_bytes())).await?;
    let opens = |key: &KeyRow| key.revoked_at_ms.is_none() && key.signing_secret.is_none();
    let Some(key) = key.filter(opens) else {
        let message = "the key that came with the request is not known, or was revoked";
        return Err(ApiError::new(ErrorCode::Unauthenticated, message).into());
    };
    Ok(key)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty()).then_some(secret)
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Answer<Self> {
        parts.extensions.get::<Self>().cloned().ok_or_else(keyless)
    }
}

impl<S: Sync> FromRequestParts<S> for CallerKey {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Answer<Self> {
        parts.extensions.get::<Self>().cloned().ok_or_else(keyless)
    }
}

fn keyless() -> Failure {
    ApiError::new(ErrorCode::Unauthenticated, "no key came with the request").into()
}
