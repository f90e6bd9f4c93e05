//! What a redirect asks for.

use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::{Method, StatusCode};
use url::Url;

use super::client::{IDEMPOTENCY_KEY, Outgoing};
use super::refusal::Refusal;
use super::response::Incoming;

/// The next request when the answer leads elsewhere; none when it is the answer.
pub(super) fn next_hop(request: &Outgoing, answer: &Incoming) -> Result<Option<Outgoing>, Refusal> {
    let Some(location) = answer.headers.get(LOCATION).filter(|_| leads_elsewhere(answer.status))
    else {
        return Ok(None);
    };
    let location = String::from_utf8_lossy(location.as_bytes());
    let bad_url = |reason: url::ParseError| Refusal::BadUrl {
        url: location.clone().into_owned(),
        reason: reason.to_string(),
    };
    let url = request.url.join(&location).map_err(bad_url)?;
    if request.url.scheme() == "https" && url.scheme() == "http" {
        return Err(Refusal::Downgrade { url: url.into() });
    }
    let mut next = Outgoing { url, ..request.clone() };
    if becomes_get(answer.status, &request.method) {
        next.method = Method::GET;
        next.body = None;
        next.headers.remove(CONTENT_TYPE);
        next.headers.remove(CONTENT_LENGTH);
    }
    if !same_origin(&request.url, &next.url) {
        next.headers = headers_for_anybody(&next.headers);
    }
    Ok(Some(next))
}

/// Other headers may hold credentials, and those are for the host they were written for.
fn headers_for_anybody(headers: &HeaderMap) -> HeaderMap {
    let plain = [ACCEPT, CONTENT_TYPE, IDEMPOTENCY_KEY];
    plain.into_iter().filter_map(|name| Some((name.clone(), headers.get(name)?.clone()))).collect()
}

fn leads_elsewhere(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// 303 asks for a GET; browsers made it so for 301 and 302 after a POST too.
fn becomes_get(status: StatusCode, method: &Method) -> bool {
    match status.as_u16() {
        303 => *method != Method::HEAD,
        301 | 302 => *method == Method::POST,
        _ => false,
    }
}

fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
}
