//! The HTTP side of MCP servers: every request goes out by the rules of the egress.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE,
};
use reqwest::{Method, Response, StatusCode};
use rmcp::model::{ClientJsonRpcMessage, ClientRequest, ErrorData, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_client::{
    AuthRequiredError, HttpStatusError, InsufficientScopeError, SseError, StreamableHttpClient,
    StreamableHttpError, StreamableHttpPostResponse,
};
use sse_stream::{Sse, SseStream};
use url::Url;

use super::sse::BoundedEvents;
use crate::tool::egress::{AllowedHosts, Egress, EgressError, Outgoing};

/// The longest event of a stream, and the longest JSON answer, in bytes.
pub(super) const MAX_MESSAGE_BYTES: usize = 4_194_304;
/// The most that is read of an answer that says no, in bytes.
const MAX_ERROR_BYTES: usize = 16_384;

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const EVENT_STREAM: &str = "text/event-stream";
const JSON: &str = "application/json";

pub(super) type HttpFault = StreamableHttpError<EgressError>;
type EventStream = BoxStream<'static, Result<Sse, SseError>>;
type Headers = HashMap<HeaderName, HeaderValue>;

/// The client of one server.
#[derive(Clone)]
pub(super) struct McpHttp {
    egress: Arc<Egress>,
    url: Url,
    /// The server's own host.
    hosts: Arc<AllowedHosts>,
}

impl McpHttp {
    /// None when the URL names no host.
    pub(super) fn new(egress: Arc<Egress>, url: Url) -> Option<Self> {
        let hosts = Arc::new(AllowedHosts::only(&url)?);
        Some(Self { egress, url, hosts })
    }

    async fn open(
        &self,
        method: Method,
        headers: HeaderMap,
        body: Option<Bytes>,
    ) -> Result<Response, HttpFault> {
        let request = Outgoing {
            method,
            url: self.url.clone(),
            headers,
            body,
            // Streams live long; a call that runs out of time drops its request.
            timeout_ms: None,
            limit_bytes: MAX_MESSAGE_BYTES,
        };
        self.egress.open(&request, &self.hosts).await.map_err(StreamableHttpError::Client)
    }
}

impl StreamableHttpClient for McpHttp {
    type Error = EgressError;

    async fn post_message(
        &self,
        _uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        auth_header: Option<String>,
        custom_headers: Headers,
    ) -> Result<StreamableHttpPostResponse, HttpFault> {
        let has_session = session_id.is_some();
        let mut headers = headers(session_id.as_deref(), auth_header.as_deref(), custom_headers)?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        let body = serde_json::to_vec(&message)?;
        let response = self.open(Method::POST, headers, Some(body.into())).await?;
        let status = response.status();
        if matches!(status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        if status == StatusCode::NOT_FOUND && has_session {
            return Err(StreamableHttpError::SessionExpired);
        }
        if !status.is_success() {
            return said_no(response, &message, has_session).await;
        }
        read_answer(response, &message).await
    }

    async fn delete_session(
        &self,
        _uri: Arc<str>,
        session_id: Arc<str>,
        auth_header: Option<String>,
        custom_headers: Headers,
    ) -> Result<(), HttpFault> {
        let headers = headers(Some(&session_id), auth_header.as_deref(), custom_headers)?;
        let status = self.open(Method::DELETE, headers, None).await?.status();
        // A server need not let sessions be deleted.
        if status.is_success() || status == StatusCode::METHOD_NOT_ALLOWED {
            return Ok(());
        }
        Err(unexpected(format!("HTTP {status}")))
    }

    async fn get_stream(
        &self,
        _uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        auth_header: Option<String>,
        custom_headers: Headers,
    ) -> Result<EventStream, HttpFault> {
        let mut headers = headers(session_id.as_deref(), auth_header.as_deref(), custom_headers)?;
        if let Some(id) = last_event_id {
            headers.insert(LAST_EVENT_ID, header_value(&id)?);
        }
        let response = self.open(Method::GET, headers, None).await?;
        match response.status() {
            StatusCode::METHOD_NOT_ALLOWED => Err(StreamableHttpError::ServerDoesNotSupportSse),
            status if !status.is_success() => {
                Err(HttpStatusError::new(status.as_u16(), None).into())
            }
            _ if media_type(&response) == EVENT_STREAM => Ok(events(response)),
            _ => Err(StreamableHttpError::UnexpectedContentType(Some(media_type(&response)))),
        }
    }
}

fn headers(
    session_id: Option<&str>,
    auth_header: Option<&str>,
    custom_headers: Headers,
) -> Result<HeaderMap, HttpFault> {
    let mut headers: HeaderMap = custom_headers.into_iter().collect();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    if let Some(session_id) = session_id {
        headers.insert(SESSION_ID, header_value(session_id)?);
    }
    if let Some(token) = auth_header {
        let mut value = header_value(&format!("Bearer {token}"))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

fn header_value(text: &str) -> Result<HeaderValue, HttpFault> {
    HeaderValue::from_str(text)
        .map_err(|_| unexpected("an id or token that is no header".to_owned()))
}

/// Reads an answer that is a stream or a message.
async fn read_answer(
    response: Response,
    message: &ClientJsonRpcMessage,
) -> Result<StreamableHttpPostResponse, HttpFault> {
    let session_id =
        response.headers().get(SESSION_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
    match media_type(&response).as_str() {
        EVENT_STREAM => Ok(StreamableHttpPostResponse::Sse(events(response), session_id)),
        JSON => {
            let body = read_body(response, MAX_MESSAGE_BYTES).await?;
            Ok(StreamableHttpPostResponse::Json(serde_json::from_slice(&body)?, session_id))
        }
        // Some servers say 200 and nothing where they should say 202.
        _ if !matches!(message, ClientJsonRpcMessage::Request(_)) => {
            Ok(StreamableHttpPostResponse::Accepted)
        }
        other => Err(StreamableHttpError::UnexpectedContentType(Some(other.to_owned()))),
    }
}

/// Reads an answer that says no: perhaps an error of the protocol, which is for whoever asked.
async fn said_no(
    response: Response,
    message: &ClientJsonRpcMessage,
    has_session: bool,
) -> Result<StreamableHttpPostResponse, HttpFault> {
    let status = response.status();
    if let Some(challenge) = challenged(&response) {
        return Err(challenge);
    }
    let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
    let status_error = HttpStatusError::new(status.as_u16(), retry_after.map(str::to_owned));
    let body = read_body(response, MAX_ERROR_BYTES).await.unwrap_or_default();
    let error = match serde_json::from_slice(&body) {
        Ok(ServerJsonRpcMessage::Error(error)) => Some(error),
        _ => None,
    };
    let is_refused_caller = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    if let Some(request) = discovery(message)
        && !has_session
        && status.is_client_error()
        && !is_refused_caller
    {
        // An older server does not know the question. Its answer tells so, and must bear the id of
        // the question to be taken as one.
        let error = error.map(|error| error.error);
        let error =
            error.unwrap_or_else(|| ErrorData::invalid_request(format!("HTTP {status}"), None));
        let answer = ServerJsonRpcMessage::error(error, Some(request));
        return Ok(StreamableHttpPostResponse::Json(answer, None));
    }
    match error {
        Some(error) if !is_refused_caller && status != StatusCode::TOO_MANY_REQUESTS => {
            Ok(StreamableHttpPostResponse::Json(ServerJsonRpcMessage::Error(error), None))
        }
        _ => Err(status_error.into()),
    }
}

/// A server that wants a token, or one with more scopes.
fn challenged(response: &Response) -> Option<HttpFault> {
    let headers = response.headers().get_all(WWW_AUTHENTICATE).iter();
    let texts: Vec<&str> = headers.filter_map(|value| value.to_str().ok()).collect();
    match response.status() {
        StatusCode::UNAUTHORIZED => {
            let bearer = texts.iter().find(|text| is_bearer(text)).or(texts.first());
            let header = bearer.copied().unwrap_or_default().to_owned();
            Some(StreamableHttpError::AuthRequired(AuthRequiredError::new(header)))
        }
        StatusCode::FORBIDDEN => {
            let wants_scope = |text: &&&str| text.contains("insufficient_scope");
            let header = (*texts.iter().find(wants_scope)?).to_owned();
            Some(StreamableHttpError::InsufficientScope(InsufficientScopeError::new(header, None)))
        }
        _ => None,
    }
}

fn is_bearer(challenge: &str) -> bool {
    challenge.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"))
}

/// The id of a question for what the server can do.
fn discovery(message: &ClientJsonRpcMessage) -> Option<rmcp::model::RequestId> {
    match message {
        ClientJsonRpcMessage::Request(request)
            if matches!(request.request, ClientRequest::DiscoverRequest(_)) =>
        {
            Some(request.id.clone())
        }
        _ => None,
    }
}

async fn read_body(mut response: Response, limit_bytes: usize) -> Result<Vec<u8>, HttpFault> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
        if body.len() + chunk.len() > limit_bytes {
            return Err(StreamableHttpError::ResponseBodyTooLarge { max_size: limit_bytes });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn events(response: Response) -> EventStream {
    let bytes = BoundedEvents::new(response.bytes_stream().boxed(), MAX_MESSAGE_BYTES);
    SseStream::from_bytes_stream(bytes).boxed()
}

fn media_type(response: &Response) -> String {
    let value = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = value.unwrap_or_default().split(';').next().unwrap_or_default();
    media_type.trim().to_ascii_lowercase()
}

fn broken(error: &reqwest::Error) -> HttpFault {
    StreamableHttpError::Client(EgressError::Broken {
        host: error.url().and_then(|url| url.host_str()).unwrap_or_default().to_owned(),
        cause: "the connection broke in the middle of the answer".to_owned(),
    })
}

fn unexpected(text: String) -> HttpFault {
    StreamableHttpError::UnexpectedServerResponse(text.into())
}
