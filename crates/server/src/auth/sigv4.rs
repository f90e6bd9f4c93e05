//! Requests signed with AWS Signature Version 4, as the SDKs of Amazon Bedrock sign them.
//!
//! Invariant: a request passes only if its signature covers its method, path, query, host, time and
//! body, and its time is within [`MAX_SKEW_MS`] of the server's; as in the original, the same request
//! may come again within that time. The parts that need no secret are checked first, so that nobody
//! without a key makes the server read a body. Deliberately absent: signatures in the query
//! (presigned URLs), chunked signing, session tokens and SigV4A, which are refused by name.

mod authorization;
mod canonical;
mod time;

#[cfg(test)]
#[path = "sigv4/tests.rs"]
mod tests;

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use mainstay_core::resource::{KeyRow, key_sealed_for};
use mainstay_protocol::{ApiError, ErrorCode, sha256_hex};
use mainstay_runtime::bundle::MAX_BUNDLE_BYTES;
use ring::hmac;

use self::authorization::Authorization;
use crate::extract::read_whole;
use crate::state::AppState;

pub(super) use self::authorization::is_signed;

/// How far a request's time may be from the server's.
const MAX_SKEW_MS: u64 = 15 * 60 * 1_000;
/// The services that a request may be signed for; the region is free.
const SERVICES: [&str; 4] = ["bedrock-mantle", "bedrock", "bedrock-agentcore", "execute-api"];
/// What stands for the hash of a body that is not signed.
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
/// The one route whose body may be unsigned: a bundle carries signatures and hashes of its own.
const IMPORT_PATH: &str = "/v1/agents/sessions/import";

/// The key of a signed request, and the request with its body as it was checked.
pub(super) async fn verify(
    state: &AppState,
    request: Request,
) -> Result<(KeyRow, Request), ApiError> {
    let (parts, body) = request.into_parts();
    let authorization = Authorization::parse(&parts.headers)?;
    check_scope(&authorization)?;
    let time = check_time(state, &parts.headers, &authorization)?;
    check_headers(&parts.headers, &authorization)?;
    let key = find_key(state, &authorization).await?;
    let secret = signing_secret(state, &key)?;
    let payload = Payload::of(&parts)?;
    let check = |payload_hash: &str| {
        let canonical = canonical::request(&parts, &authorization.signed_headers, payload_hash);
        check_signature(&authorization, secret.expose(), &time, &canonical)
    };
    let body = match payload {
        Payload::Unsigned => {
            check(UNSIGNED_PAYLOAD)?;
            body
        }
        Payload::Hashed(claimed) => {
            check(&claimed)?;
            let bytes = read_body(state, &parts, body).await?;
            if sha256_hex(&bytes) != claimed {
                return Err(refused(
                    "the body's SHA-256 is not the one that the header x-amz-content-sha256 says",
                ));
            }
            Body::from(bytes)
        }
        Payload::Implied => {
            let bytes = read_body(state, &parts, body).await?;
            check(&sha256_hex(&bytes))?;
            Body::from(bytes)
        }
    };
    Ok((key, Request::from_parts(parts, body)))
}

/// How a request vouches for its body.
enum Payload {
    /// By a header with its hash.
    Hashed(String),
    /// By its hash in the signature alone.
    Implied,
    /// Not at all.
    Unsigned,
}

impl Payload {
    fn of(parts: &Parts) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get("x-amz-content-sha256") else {
            return Ok(Self::Implied);
        };
        let text = value.to_str().unwrap_or_default();
        if text == UNSIGNED_PAYLOAD {
            if parts.method == Method::POST && parts.uri.path() == IMPORT_PATH {
                return Ok(Self::Unsigned);
            }
            return Err(refused(format!(
                "the body must be signed: {UNSIGNED_PAYLOAD} is taken at {IMPORT_PATH} alone"
            )));
        }
        let is_hash = text.len() == 64
            && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if is_hash {
            return Ok(Self::Hashed(text.to_owned()));
        }
        Err(refused("the header x-amz-content-sha256 is not a SHA-256 in lower-case hexadecimal"))
    }
}

fn check_scope(authorization: &Authorization<'_>) -> Result<(), ApiError> {
    if SERVICES.contains(&authorization.service) {
        return Ok(());
    }
    Err(refused(format!(
        "the request is signed for the service {:?}; this server is one of {}",
        authorization.service,
        SERVICES.join(", "),
    )))
}

/// The request's time as it was signed, if it is near enough to now.
fn check_time(
    state: &AppState,
    headers: &HeaderMap,
    authorization: &Authorization<'_>,
) -> Result<String, ApiError> {
    let name = if headers.contains_key("x-amz-date") { "x-amz-date" } else { "date" };
    let signed_at = headers.get(name).and_then(|value| value.to_str().ok()).and_then(time::read);
    let Some((at_ms, text)) = signed_at else {
        return Err(refused("the request has no x-amz-date of the form 20261231T235959Z"));
    };
    if !authorization.signs(name) {
        return Err(refused(format!("the header {name} is not among the signed ones")));
    }
    if !text.starts_with(authorization.day) {
        return Err(refused(format!(
            "the credential's day {} is not that of the request's time {text}",
            authorization.day
        )));
    }
    let now_ms = state.now_ms();
    if at_ms.abs_diff(now_ms) > MAX_SKEW_MS {
        let (minutes, now) = (MAX_SKEW_MS / 60_000, time::show(now_ms));
        let why = if at_ms < now_ms { "has expired" } else { "is not yet valid" };
        return Err(refused(format!(
            "the signature {why}: it was made at {text}, it is {now} here, and {minutes} minutes \
             between both are allowed; is the clock right?"
        )));
    }
    Ok(text)
}

fn check_headers(headers: &HeaderMap, authorization: &Authorization<'_>) -> Result<(), ApiError> {
    if headers.contains_key("x-amz-security-token") {
        return Err(refused("session tokens (x-amz-security-token) are not issued here"));
    }
    if !authorization.signs("host") {
        return Err(refused("the header host is not among the signed ones"));
    }
    let amz = headers.keys().map(|name| name.as_str()).filter(|name| name.starts_with("x-amz-"));
    for name in amz {
        if !authorization.signs(name) {
            return Err(refused(format!("the header {name} is not among the signed ones")));
        }
    }
    match authorization.signed_headers.iter().find(|name| !headers.contains_key(**name)) {
        Some(name) => Err(refused(format!("the signed header {name:?} is not in the request"))),
        None => Ok(()),
    }
}

async fn find_key(state: &AppState, authorization: &Authorization<'_>) -> Result<KeyRow, ApiError> {
    let row = state.engine().control().key_by_access_id(authorization.key).await?;
    row.ok_or_else(|| {
        refused(format!("the access key id {:?} is not known, or was revoked", authorization.key))
    })
}

fn signing_secret(
    state: &AppState,
    key: &KeyRow,
) -> Result<mainstay_core::port::SecretText, ApiError> {
    let sealed = key.signing_secret.as_ref().ok_or_else(|| refused("the key cannot sign"))?;
    let belongs_to = key_sealed_for(&key.tenant, &key.id);
    state.engine().seals().open(&belongs_to, sealed).map_err(|error| {
        tracing::error!(key = %key.id, %error, "the secret of a signing key cannot be opened");
        let message = "the server cannot open the secret of this key; has vault.key changed?";
        ApiError::new(ErrorCode::Internal, message)
    })
}

async fn read_body(state: &AppState, parts: &Parts, body: Body) -> Result<Bytes, ApiError> {
    let is_import = parts.uri.path() == IMPORT_PATH;
    let max_bytes = if is_import { MAX_BUNDLE_BYTES } else { state.limits().max_body_bytes };
    read_whole(state, &parts.headers, body, max_bytes).await
}

/// Compares in constant time.
fn check_signature(
    authorization: &Authorization<'_>,
    secret: &str,
    time: &str,
    canonical: &str,
) -> Result<(), ApiError> {
    let text = string_to_sign(authorization, time, canonical);
    let key = signing_key(authorization, secret);
    hmac::verify(&key, text.as_bytes(), &authorization.signature).map_err(|_| {
        refused(
            "the signature is not the one of this request: check the secret access key, and that \
             nothing between here and there changes the host, path or headers",
        )
    })
}

fn string_to_sign(authorization: &Authorization<'_>, time: &str, canonical: &str) -> String {
    let Authorization { day, region, service, .. } = authorization;
    let hash = sha256_hex(canonical.as_bytes());
    format!("AWS4-HMAC-SHA256\n{time}\n{day}/{region}/{service}/aws4_request\n{hash}")
}

fn signing_key(authorization: &Authorization<'_>, secret: &str) -> hmac::Key {
    let Authorization { day, region, service, .. } = authorization;
    let start = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{secret}").as_bytes());
    [*day, *region, *service, "aws4_request"].into_iter().fold(start, |key, part| {
        hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref())
    })
}

fn refused(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::Unauthenticated, message.into())
}
