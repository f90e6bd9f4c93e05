//! What the members of a credential must be.
//!
//! Invariant: a refusal names the member and never repeats a secret.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use jiff::Timestamp;
use mainstay_protocol::ApiError;

use super::params::SecretParam;
use crate::openai::wire::At;

/// The longest secret.
const MAX_SECRET_BYTES: usize = 16 * 1024;
/// The longest name of an environment variable.
const MAX_VARIABLE_CHARS: usize = 256;
/// The most hosts that a secret is for.
const MAX_SECRET_HOSTS: usize = 16;
/// What a sandbox's own names begin with.
const RESERVED_PREFIX: &str = "CODEX_";
/// Names that decide how a sandbox reaches the network, in upper case.
const RESERVED_NAMES: [&str; 10] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
];

/// Refuses a token that cannot be sent as a bearer token.
pub(super) fn bearer(at: &At<'_>, secret: &SecretParam) -> Result<(), ApiError> {
    secret_line(at, secret)?;
    if secret.0.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(at.invalid("is not a bearer token: only visible ASCII characters can be sent"))
}

/// Refuses a secret that is nothing, too long or more than a line.
pub(super) fn secret_line(at: &At<'_>, secret: &SecretParam) -> Result<(), ApiError> {
    let text = secret.0.expose();
    if !(1..=MAX_SECRET_BYTES).contains(&text.len()) {
        return Err(at.invalid(format!("is not 1 to {MAX_SECRET_BYTES} bytes")));
    }
    if text.contains(['\r', '\n', '\0']) {
        return Err(at.invalid("has a line break or NUL"));
    }
    Ok(())
}

/// Reads a time, in milliseconds.
pub(super) fn timestamp(at: &At<'_>, text: &str) -> Result<u64, ApiError> {
    let time: Timestamp =
        text.parse().map_err(|_| at.invalid(format!("is {text:?}, not an RFC 3339 timestamp")))?;
    u64::try_from(time.as_millisecond()).map_err(|_| at.invalid("is before 1970"))
}

/// Refuses a name that no environment variable of a sandbox may have.
pub(super) fn secret_name(at: &At<'_>, name: &str) -> Result<(), ApiError> {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let fits = name.len() <= MAX_VARIABLE_CHARS
        && name.starts_with(first)
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !fits {
        return Err(at.invalid(format!(
            "is not 1 to {MAX_VARIABLE_CHARS} letters, digits and '_', a letter or '_' first"
        )));
    }
    let upper = name.to_ascii_uppercase();
    if upper.starts_with(RESERVED_PREFIX) || RESERVED_NAMES.contains(&upper.as_str()) {
        return Err(at.invalid(format!("is {name:?}, which environments keep for themselves")));
    }
    Ok(())
}

/// Refuses a list of hosts that a secret cannot be for.
pub(super) fn hosts(at: &At<'_>, list: &[String]) -> Result<(), ApiError> {
    if !(1..=MAX_SECRET_HOSTS).contains(&list.len()) {
        return Err(at.invalid(format!("has {} hosts, not 1 to {MAX_SECRET_HOSTS}", list.len())));
    }
    let mut seen = BTreeSet::new();
    for (index, host) in list.iter().enumerate() {
        let at = at.index(index);
        if !is_host(host) {
            return Err(at.invalid(format!("is {host:?}, not a host name or IPv4 address alone")));
        }
        if !seen.insert(host.to_ascii_lowercase()) {
            return Err(at.invalid("is there twice"));
        }
    }
    Ok(())
}

fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.parse::<Ipv4Addr>().is_ok() || (host.len() <= 253 && host.split('.').all(label))
}
