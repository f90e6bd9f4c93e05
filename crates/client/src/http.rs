//! Requests and answers.
//!
//! Invariant: every wait is bounded; a stream may be quiet for longer than the server's keep-alives
//! are apart, and not longer.

use std::time::Duration;

use mainstay_protocol::ErrorCode;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::ClientError;
use crate::object::ErrorBody;

/// How long making a connection may take.
const CONNECT_TIMEOUT_MS: u64 = 5_000;
/// How long an answer may be silent.
const READ_TIMEOUT_MS: u64 = 45_000;
/// The largest error answer that is looked at.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// How long a client waits.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For a connection.
    pub connect_timeout_ms: u64,
    /// For the next piece of an answer. The server's streams say that they live every 15 seconds.
    pub read_timeout_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect_timeout_ms: CONNECT_TIMEOUT_MS, read_timeout_ms: READ_TIMEOUT_MS }
    }
}

/// A server and the key to it. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    key: String,
}

impl Client {
    /// A client of the server at `url`, with or without the `/v1` of SDKs' base URLs, with a bearer
    /// key.
    pub fn new(url: &str, key: &str) -> Result<Self, ClientError> {
        Self::with_timeouts(url, key, Timeouts::default())
    }

    /// A client that waits as long as it is told.
    pub fn with_timeouts(url: &str, key: &str, timeouts: Timeouts) -> Result<Self, ClientError> {
        let url = base_url(url)?;
        let broken = |what: &str, source: Box<dyn std::error::Error + Send + Sync>| {
            ClientError::Broken { what: what.to_owned(), source: Some(source) }
        };
        let mut headers = HeaderMap::new();
        headers
            .insert(HeaderName::from_static("openai-beta"), HeaderValue::from_static("agents=v1"));
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that makes this crate's client"
        )]
        let builder = reqwest::Client::builder();
        let http = builder
            .user_agent(concat!("mainstay-client/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .connect_timeout(Duration::from_millis(timeouts.connect_timeout_ms))
            .read_timeout(Duration::from_millis(timeouts.read_timeout_ms))
            .build()
            .map_err(|error| broken("make an HTTP client", error.into()))?;
        Ok(Self { http, url, key: key.to_owned() })
    }

    /// Where the server is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether a server answers there.
    pub async fn health(&self) -> Result<(), ClientError> {
        self.send(self.request(Method::GET, "/health")).await.map(drop)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.key)
    }

    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(String, String)],
    ) -> Result<T, ClientError> {
        self.json(self.request(Method::GET, path).query(query)).await
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.json(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<(), ClientError> {
        self.send(self.request(Method::DELETE, path)).await.map(drop)
    }

    /// Opens a stream of events.
    pub(crate) async fn stream(
        &self,
        path: &str,
        query: &[(String, String)],
    ) -> Result<Response, ClientError> {
        let request = self.request(Method::GET, path).query(query);
        self.send(request.header(ACCEPT, "text/event-stream")).await
    }

    /// Sends a request; an answer that is an error becomes one.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let response = request.send().await.map_err(|error| self.lost(error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.bytes().await.map_err(|error| self.lost(error))?;
        Err(refused(status.as_u16(), &body))
    }

    /// Sends a request that asks for another protocol on its connection.
    pub(crate) async fn upgraded(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let request = request.version(reqwest::Version::HTTP_11);
        let response = request.send().await.map_err(|error| self.lost(error))?;
        let status = response.status();
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response);
        }
        let body = response.bytes().await.map_err(|error| self.lost(error))?;
        Err(refused(status.as_u16(), &body))
    }

    pub(crate) fn lost(&self, source: reqwest::Error) -> ClientError {
        ClientError::Unreachable { url: self.url.clone(), source }
    }

    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<T, ClientError> {
        let response = self.send(request).await?;
        let path = response.url().path().to_owned();
        let body = response.bytes().await.map_err(|error| self.lost(error))?;
        serde_json::from_slice(&body).map_err(|error| ClientError::Broken {
            what: format!("read the answer of {path}"),
            source: Some(error.into()),
        })
    }
}

/// The server's URL as paths are put behind it.
fn base_url(text: &str) -> Result<String, ClientError> {
    let trimmed = text.trim_end_matches('/');
    let trimmed = trimmed.strip_suffix("/v1").unwrap_or(trimmed);
    let is_http = |url: &url::Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    match url::Url::parse(trimmed) {
        Ok(url) if is_http(&url) => Ok(trimmed.to_owned()),
        Ok(_) | Err(_) => Err(ClientError::Address { text: text.to_owned() }),
    }
}

/// An id as a part of a path. One that is more than a part of it would ask for something else.
pub(crate) fn segment(id: &str) -> Result<&str, ClientError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
    let is_dots = id.bytes().all(|byte| byte == b'.');
    if is_dots || !id.bytes().all(is_plain) {
        return Err(ClientError::NoId { text: id.to_owned() });
    }
    Ok(id)
}

fn refused(status: u16, body: &[u8]) -> ClientError {
    let body = &body[..body.len().min(MAX_ERROR_BYTES)];
    let Ok(error) = serde_json::from_slice::<ErrorBody>(body) else {
        let text = String::from_utf8_lossy(body);
        let what = format!("the answer has status {status} and is no answer of mainstay: {text}");
        return ClientError::Broken { what, source: None };
    };
    let code = error.error.code.as_deref();
    let code = ErrorCode::ALL.iter().copied().find(|known| Some(known.as_str()) == code);
    ClientError::Refused { status, code, message: error.error.message }
}
