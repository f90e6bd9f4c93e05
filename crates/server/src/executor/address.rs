//! Under which address this server is reached: as the request says, or the proxy in front of it.

use axum::http::{HeaderMap, header};
use mainstay_protocol::ApiError;

use crate::error::Answer;

/// What comes behind the address in what executors are told to register with.
const BASE_PATH: &str = "/v1";

/// Scheme and host of a request; the scheme is `https` where a proxy says so.
struct Address<'a> {
    is_secure: bool,
    host: &'a str,
}

impl<'a> Address<'a> {
    fn of(headers: &'a HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let forwarded = text("x-forwarded-proto").and_then(|list| list.split(',').next());
        let is_secure = forwarded.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"));
        Some(Self { is_secure, host: text(header::HOST.as_str())? })
    }
}

/// What `codex exec-server --remote` is given for an environment of the server that got this request.
pub(crate) fn remote_url(headers: &HeaderMap) -> String {
    let Some(Address { is_secure, host }) = Address::of(headers) else {
        return BASE_PATH.to_owned();
    };
    let scheme = if is_secure { "https" } else { "http" };
    format!("{scheme}://{host}{BASE_PATH}")
}

/// The same for WebSockets, with this path.
pub(super) fn socket_url(headers: &HeaderMap, path: &str) -> Answer<String> {
    let address = Address::of(headers).ok_or_else(|| {
        ApiError::new(
            mainstay_protocol::ErrorCode::InvalidParameter,
            "the request has no header host, so that nobody knows how to come back",
        )
    })?;
    let scheme = if address.is_secure { "wss" } else { "ws" };
    Ok(format!("{scheme}://{}{path}", address.host))
}
