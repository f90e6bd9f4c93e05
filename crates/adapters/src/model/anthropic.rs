//! Anthropic Messages: `POST /v1/messages`, streamed.
//!
//! Invariant: roles alternate, every tool call is followed by its result in the next message, and
//! thinking goes back unchanged. Deliberately absent: a temperature, which the API no longer has;
//! hosted tools, citations, documents, batches.

mod choice;
mod event;
mod request;
mod response;
mod thinking;
mod wire;

pub(super) use request::body;
pub(super) use response::MessagesDecoder;
pub(super) use thinking::Thinking;

use reqwest::header::HeaderName;
use url::Url;

/// The header of the API's version.
pub(super) const VERSION_HEADER: HeaderName = HeaderName::from_static("anthropic-version");
/// The version that this module speaks.
pub(super) const VERSION: &str = "2023-06-01";
/// The header of the key.
pub(super) const KEY_HEADER: &str = "x-api-key";

/// The URL of the API; none when the base cannot hold a path.
pub(super) fn api_url(base: &Url) -> Option<Url> {
    let mut url = base.clone();
    let root = base.path().trim_end_matches('/');
    url.set_path(root.strip_suffix("/v1").unwrap_or(root));
    url.path_segments_mut().ok()?.pop_if_empty().extend(["v1", "messages"]);
    Some(url)
}
