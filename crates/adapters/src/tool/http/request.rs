//! Headers that may be set, and answers as models read them.

use std::collections::BTreeMap;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::tool::egress::Incoming;

/// The most headers that one source or call sets.
const MAX_HEADERS: usize = 64;
/// Headers that belong to the connection, or to this program.
const RESERVED_HEADERS: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "idempotency-key",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Reads headers as an agent or a model wrote them; the error names the header, never its value.
pub(crate) fn parse_headers(headers: &BTreeMap<String, String>) -> Result<HeaderMap, String> {
    if headers.len() > MAX_HEADERS {
        return Err(format!("{} headers, more than {MAX_HEADERS}", headers.len()));
    }
    let mut parsed = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| format!("{name:?} is not the name of a header"))?;
        if is_reserved(&header) {
            return Err(format!("the header {name:?} cannot be set"));
        }
        let value = HeaderValue::from_str(value)
            .map_err(|_| format!("the value of the header {name:?} is not usable"))?;
        parsed.insert(header, value);
    }
    Ok(parsed)
}

fn is_reserved(header: &HeaderName) -> bool {
    RESERVED_HEADERS.contains(&header.as_str()) || header.as_str().starts_with("proxy-")
}

/// An answer as the model reads it: the body alone when all went well, the status before it
/// otherwise.
pub(crate) fn render(answer: &Incoming) -> String {
    let body = body_text(answer);
    if answer.status.is_success() && !body.is_empty() {
        return body;
    }
    let location = answer.headers.get("location").and_then(|value| value.to_str().ok());
    let location = location.map(|location| format!("\nlocation: {location}")).unwrap_or_default();
    let separator = if body.is_empty() { "" } else { "\n" };
    format!("HTTP {}{location}{separator}{body}", answer.status)
}

fn body_text(answer: &Incoming) -> String {
    let media_type = answer.media_type();
    let mut text = if is_json(&media_type) {
        compact_json(&answer.body)
    } else if media_type == "text/plain" || !is_binary(&answer.body) {
        String::from_utf8_lossy(&answer.body).into_owned()
    } else {
        return format!("({} bytes of {media_type}, which is not text)", answer.body.len());
    };
    if answer.is_cut {
        text.push_str(&format!("\n[cut: the answer is longer than {} bytes]", answer.body.len()));
    }
    text
}

fn is_json(media_type: &str) -> bool {
    media_type.ends_with("/json") || media_type.ends_with("+json")
}

/// Text has no zero bytes and is UTF-8 but for a character that the bound cut in two.
fn is_binary(body: &[u8]) -> bool {
    if body.contains(&0) {
        return true;
    }
    std::str::from_utf8(body).is_err_and(|error| error.error_len().is_some())
}

/// Leaves out the blanks between JSON's tokens. Numbers and the order of members stay as they were
/// written, which parsing would not promise; what is no JSON comes out whole but for blanks.
fn compact_json(body: &[u8]) -> String {
    let mut compact = Vec::with_capacity(body.len());
    let (mut in_string, mut is_escaped) = (false, false);
    for &byte in body {
        if in_string {
            in_string = is_escaped || byte != b'"';
            is_escaped = !is_escaped && byte == b'\\';
        } else if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
            continue;
        } else {
            in_string = byte == b'"';
        }
        compact.push(byte);
    }
    match String::from_utf8(compact) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
