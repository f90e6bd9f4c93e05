//! Reads an answer within its bound.

use std::time::Duration;

use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};

use super::refusal::{EgressError, Refusal};

/// The most that is read of one answer, in bytes.
pub(crate) const MAX_RESPONSE_BYTES: usize = 1_048_576;
/// The longest wait that a server may ask for, in milliseconds.
const MAX_RETRY_AFTER_MS: u64 = 3_600_000;

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// Whether the body went on beyond the bound.
    pub(crate) is_cut: bool,
}

impl Incoming {
    /// Reads up to `limit_bytes` of the body.
    pub(super) async fn read(
        mut response: Response,
        limit_bytes: usize,
        host: &str,
    ) -> Result<Self, EgressError> {
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        refuse_encoded(&headers)?;
        let mut body = Vec::new();
        let mut is_cut = false;
        while let Some(chunk) = response.chunk().await.map_err(|error| broken(host, &error))? {
            let room = limit_bytes - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                is_cut = true;
                break;
            }
        }
        Ok(Self { status, headers, body, is_cut })
    }

    /// The media type in lower case, without parameters.
    pub(crate) fn media_type(&self) -> String {
        let value = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = value.unwrap_or_default().split(';').next().unwrap_or_default();
        media_type.trim().to_ascii_lowercase()
    }
}

/// Nothing but the plain bytes was asked for: there is no decoder here to feed a bomb to.
fn refuse_encoded(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(encoding) = headers.get(CONTENT_ENCODING) else {
        return Ok(());
    };
    if encoding.as_bytes().eq_ignore_ascii_case(b"identity") {
        return Ok(());
    }
    Err(Refusal::Encoded { encoding: String::from_utf8_lossy(encoding.as_bytes()).into_owned() })
}

/// How long the server wants to be left alone; dates are read against the server's own clock.
pub(crate) fn retry_after_ms(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = httpdate::parse_http_date(text).ok()?;
            let now = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
            at.duration_since(now).unwrap_or_default()
        }
    };
    Some(u64::try_from(wait.as_millis()).unwrap_or(MAX_RETRY_AFTER_MS).min(MAX_RETRY_AFTER_MS))
}

/// The connection broke, or time ran out, once the request was on its way.
pub(super) fn broken(host: &str, error: &reqwest::Error) -> EgressError {
    EgressError::Broken { host: host.to_owned(), cause: root_cause(error) }
}

/// The innermost cause: what is around it repeats the URL, which may hold secrets.
pub(super) fn root_cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "time ran out".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if std::ptr::addr_eq(cause, error) {
        return "the connection failed".to_owned();
    }
    cause.to_string()
}
