//! Addresses that something confidential is sent to.

use mainstay_protocol::ApiError;
use url::{Host, Url};

use crate::openai::wire::{At, MAX_LINE_CHARS, check_line};

/// Refuses an address to which nothing confidential can be sent: it is HTTPS, or this machine.
pub(crate) fn server_url(at: &At<'_>, text: &str) -> Result<(), ApiError> {
    check_line(at, text, MAX_LINE_CHARS)?;
    let url = Url::parse(text).map_err(|error| at.invalid(format!("is not a URL: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(at.invalid("holds a user name or password"));
    }
    let is_local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(at.invalid("names no host")),
    };
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_local => Ok(()),
        _ => Err(at.invalid("is neither https nor http on this machine")),
    }
}
