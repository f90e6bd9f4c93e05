//! Where a provider is and what every request to it carries.
//!
//! Invariant: the key is in the headers alone, marked as sensitive.

use std::collections::BTreeMap;
use std::sync::Arc;

use reqwest::Client;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue,
};

use crate::model::settings::ModelTimeouts;
use crate::secret::Secret;

/// How a provider wants its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) enum Auth {
    /// `authorization: Bearer …`
    Bearer,
    /// A header of its own.
    Header(&'static str),
}

/// One provider, reached.
pub(in crate::model) struct Endpoint {
    pub(in crate::model) provider: Arc<str>,
    pub(in crate::model) timeouts: ModelTimeouts,
    pub(super) client: Client,
    pub(super) headers: HeaderMap,
    pub(super) key: Option<Secret>,
}

impl Endpoint {
    /// The endpoint of a provider; the error says what is wrong with its settings.
    pub(in crate::model) fn new(
        provider: Arc<str>,
        client: Client,
        timeouts: ModelTimeouts,
        auth: Auth,
        key: Option<Secret>,
        extra: &BTreeMap<String, String>,
    ) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        for (name, value) in extra {
            let header = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| format!("{name:?} is not the name of a header"))?;
            let value = HeaderValue::from_str(value)
                .map_err(|_| format!("the value of header {name:?} is not printable text"))?;
            headers.insert(header, value);
        }
        if let Some(key) = &key {
            let (name, value) = auth_header(auth, key)
                .map_err(|_| "the API key is not printable text".to_owned())?;
            headers.insert(name, value);
        }
        Ok(Self { provider, timeouts, client, headers, key })
    }
}

fn auth_header(auth: Auth, key: &Secret) -> Result<(HeaderName, HeaderValue), InvalidHeaderValue> {
    let (name, mut value) = match auth {
        Auth::Bearer => {
            (AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {}", key.expose()))?)
        }
        Auth::Header(name) => (HeaderName::from_static(name), HeaderValue::from_str(key.expose())?),
    };
    value.set_sensitive(true);
    Ok((name, value))
}
