//! Requests as handlers take them: a body within its bounds, ids, an `Idempotency-Key`.
//!
//! Invariant: what cannot be read is refused with the error of this API, never with the framework's.

use std::future::Future;
use std::pin::pin;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use mainstay_protocol::{ApiError, ErrorCode, Principal, SessionId, TurnId, sha256_hex};
use mainstay_runtime::Idempotency;
use serde::de::DeserializeOwned;

use crate::error::{Answer, Failure, not_found};
use crate::limits::MAX_IDEMPOTENCY_KEY_CHARS;
use crate::openai::wire::{Validate, parse_body};
use crate::state::AppState;

/// A JSON body that was read and checked, with the request's key if it has one.
#[derive(Debug)]
pub(crate) struct Checked<T> {
    /// The request.
    pub(crate) value: T,
    /// Its `Idempotency-Key`.
    pub(crate) idempotency: Option<Idempotency>,
    /// The body as it came.
    pub(crate) body: Bytes,
}

impl<T: DeserializeOwned + Validate> FromRequest<AppState> for Checked<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &AppState) -> Answer<Self> {
        let (body, idempotency) = read_request(request, state).await?;
        Ok(Self { value: parse_body(&body)?, idempotency, body })
    }
}

/// A request's body as it came, and its `Idempotency-Key`.
pub(crate) async fn read_request(
    request: Request,
    state: &AppState,
) -> Result<(Bytes, Option<Idempotency>), ApiError> {
    let (parts, body) = request.into_parts();
    let key = idempotency_key(&parts.headers)?;
    let body = read_body(state, &parts.headers, body).await?;
    let idempotency = key.map(|key| Idempotency { key, body_sha256: sha256_hex(&body) });
    Ok((body, idempotency))
}

/// A request's `Idempotency-Key`, if it has one.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let plain =
        value.to_str().ok().filter(|key| (1..=MAX_IDEMPOTENCY_KEY_CHARS).contains(&key.len()));
    plain.map(|key| Some(key.to_owned())).ok_or_else(|| {
        let message = format!(
            "header 'Idempotency-Key' is not 1 to {MAX_IDEMPOTENCY_KEY_CHARS} plain characters"
        );
        ApiError::new(ErrorCode::InvalidParameter, message).with_param("Idempotency-Key")
    })
}

/// How many characters of a hash an id has.
const HASHED_ID_CHARS: usize = 26;

/// The id of something made under an `Idempotency-Key`: the same caller and key give the same.
pub(crate) fn keyed_id(prefix: &str, caller: &Principal, key: &Idempotency) -> String {
    let hash = sha256_hex(format!("{}\n{}", caller.tenant, key.key).as_bytes());
    format!("{prefix}_{}", &hash[..HASHED_ID_CHARS])
}

async fn read_body(state: &AppState, headers: &HeaderMap, body: Body) -> Result<Bytes, ApiError> {
    read_whole(state, headers, body, state.limits().max_body_bytes).await
}

/// A body of up to so many bytes, in time.
pub(crate) async fn read_whole(
    state: &AppState,
    headers: &HeaderMap,
    body: Body,
    max_bytes: usize,
) -> Result<Bytes, ApiError> {
    let limits = state.limits();
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced.and_then(|text| text.parse().ok()).is_some_and(|len: usize| len > max_bytes) {
        return Err(too_large(max_bytes));
    }
    let deadline = state.now_ms().saturating_add(limits.body_timeout_ms);
    let late = state.engine().clock().sleep_until(deadline);
    in_time(collect(body, max_bytes), late).await.unwrap_or_else(|| {
        let message =
            format!("the request body did not arrive within {} ms", limits.body_timeout_ms);
        Err(ApiError::new(ErrorCode::BodyTimeout, message))
    })
}

/// What `work` gives, or none if `late` comes first.
async fn in_time<T>(work: impl Future<Output = T>, late: impl Future<Output = ()>) -> Option<T> {
    tokio::select! {
        biased;
        value = pin!(work) => Some(value),
        () = late => None,
    }
}

async fn collect(body: Body, max_bytes: usize) -> Result<Bytes, ApiError> {
    let mut chunks = body.into_data_stream();
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| {
            ApiError::new(ErrorCode::InvalidJson, format!("the request body ended early: {error}"))
        })?;
        if first.len() + rest.len() + chunk.len() > max_bytes {
            return Err(too_large(max_bytes));
        }
        // Most bodies are one chunk, which is not copied.
        if first.is_empty() {
            first = chunk;
        } else {
            rest.extend_from_slice(&chunk);
        }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(first.len() + rest.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&rest);
    Ok(whole.freeze())
}

fn too_large(max_bytes: usize) -> ApiError {
    let message = format!("the request body is larger than {max_bytes} bytes");
    ApiError::new(ErrorCode::BodyTooLarge, message)
}

/// The path's parameters, as texts.
#[derive(Debug)]
pub(crate) struct Ids<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Ids<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(ids)| Self(ids)).map_err(|_| not_found("the path", parts.uri.path()).into())
    }
}

/// Reads a session's id; what cannot be one does not exist.
pub(crate) fn session_id(text: &str) -> Result<SessionId, ApiError> {
    SessionId::parse(text).map_err(|_| not_found("session", text))
}

/// Reads a turn's id; what cannot be one does not exist.
pub(crate) fn turn_id(text: &str) -> Result<TurnId, ApiError> {
    TurnId::parse(text).map_err(|_| not_found("turn", text))
}
