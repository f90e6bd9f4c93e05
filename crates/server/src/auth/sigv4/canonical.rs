//! A request in the one form that both sides sign.
//!
//! Invariant: two requests with the same form mean the same to every handler. The path is normalised
//! and encoded once more, as all services but S3 do; the query is decoded and encoded again.

use std::borrow::Cow;
use std::fmt::Write as _;

use axum::http::HeaderMap;
use axum::http::request::Parts;

/// The form of a request whose body has this hash.
pub(super) fn request(parts: &Parts, signed_headers: &[&str], payload_hash: &str) -> String {
    let path = parts.uri.path();
    let query = parts.uri.query().unwrap_or_default();
    form(parts.method.as_str(), path, query, &parts.headers, signed_headers, payload_hash)
}

pub(super) fn form(
    method: &str,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    signed_headers: &[&str],
    payload_hash: &str,
) -> String {
    let mut form = format!("{method}\n{}\n{}\n", path_form(path), query_form(query));
    for name in signed_headers {
        let values: Vec<String> = headers.get_all(*name).iter().map(header_form).collect();
        let _ = writeln!(form, "{name}:{}", values.join(","));
    }
    let _ = write!(form, "\n{}\n{payload_hash}", signed_headers.join(";"));
    form
}

/// Without `.`, `..` and empty segments, and with everything but unreserved characters encoded.
fn path_form(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            _ => segments.push(encode(segment.as_bytes())),
        }
    }
    let is_folder = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
    let end = if is_folder && !segments.is_empty() { "/" } else { "" };
    format!("/{}{end}", segments.join("/"))
}

fn query_form(query: &str) -> String {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<(String, String)> = pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (encode(&decode(name)), encode(&decode(value)))
        })
        .collect();
    pairs.sort();
    let pairs: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// Trimmed, and with one space wherever there are several.
fn header_form(value: &axum::http::HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(*byte));
            }
            _ => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

/// What a part of a query stands for; `+` is a space, as it is to the handlers.
fn decode(text: &str) -> Cow<'_, [u8]> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let escaped = digits.filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()));
        match (byte, escaped.and_then(|two| u8::from_str_radix(two, 16).ok())) {
            (b'%', Some(value)) => {
                bytes.push(value);
                rest = &after[2..];
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*byte),
        }
    }
    Cow::Owned(bytes)
}
