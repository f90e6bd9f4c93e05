//! Makes a connection: starts the program or reaches the host, and agrees on the protocol.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mainstay_core::port::SecretText;
use mainstay_core::tool::McpTransport;
use rmcp::model::ProtocolVersion;
use rmcp::service::{ClientInitializeError, ClientLifecycleMode, serve_client_with_lifecycle};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::common::client_side_sse::SseRetryPolicy;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;

use super::connection::{Connection, Listener, list_tools};
use super::http::{MAX_MESSAGE_BYTES, McpHttp};
use super::oauth::Challenge;
use super::source::parse_url;
use super::stdio::Program;
use crate::tool::egress::Egress;
use crate::tool::http::parse_headers;
use crate::tool::settings::McpServerSettings;

/// Bound on starting a server, agreeing with it and listing its tools.
const CONNECT_TIMEOUT_MS: u64 = 30_000;
/// How many requests one connection over HTTP carries at once.
const MAX_REQUESTS_AT_ONCE: usize = 64;

/// How often a broken stream is asked for again before whoever waits on it is told.
const MAX_STREAM_RETRIES: usize = 3;
/// The wait before the first time; it doubles with each further one.
const STREAM_RETRY_WAIT_MS: u64 = 250;

/// A server may go on with a stream that broke, and is given a few seconds for it.
#[derive(Debug)]
struct StreamPatience;

impl SseRetryPolicy for StreamPatience {
    fn retry(&self, times: usize) -> Option<Duration> {
        (times < MAX_STREAM_RETRIES).then(|| Duration::from_millis(STREAM_RETRY_WAIT_MS << times))
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) struct ConnectFault {
    pub(super) reason: String,
    /// Whether trying later may help.
    pub(super) retryable: bool,
    /// What the server wants to be shown, if that is why.
    pub(super) challenge: Option<Challenge>,
}

impl ConnectFault {
    fn terminal(reason: String) -> Self {
        Self { reason, retryable: false, challenge: None }
    }

    /// A failure that may pass, unless the server wants to be shown a token.
    fn of(reason: String, challenge: Option<Challenge>) -> Self {
        Self { reason, retryable: challenge.is_none(), challenge }
    }

    fn retryable(reason: String) -> Self {
        Self { reason, retryable: true, challenge: None }
    }
}

/// Connects and lists the tools.
pub(super) async fn connect(
    transport: &McpTransport,
    token: Option<&SecretText>,
    servers: &BTreeMap<String, McpServerSettings>,
    egress: &Arc<Egress>,
) -> Result<Connection, ConnectFault> {
    let connecting = async {
        let connection = match attempt(transport, token, servers, egress, newest()).await {
            // It answered the question, and so that another beginning is to be tried.
            Err(Fault::Protocol(error)) if begins_otherwise(&error) => {
                attempt(transport, token, servers, egress, ClientLifecycleMode::Initialize).await?
            }
            other => other?,
        };
        let tools = list_tools(connection.peer()).await;
        let tools = tools.map_err(|error| {
            let challenge = Challenge::of_request(&error);
            ConnectFault::of(format!("list its tools: {error}"), challenge)
        })?;
        connection.keep_tools(tools);
        Ok(connection)
    };
    let bound = Duration::from_millis(CONNECT_TIMEOUT_MS);
    let connected = tokio::time::timeout(bound, connecting).await;
    connected.unwrap_or_else(|_| {
        Err(ConnectFault::retryable(format!("no answer in {CONNECT_TIMEOUT_MS} ms")))
    })
}

/// Whether the server speaks other protocols, or answers even questions that it does not know.
fn begins_otherwise(error: &ClientInitializeError) -> bool {
    matches!(
        error,
        ClientInitializeError::NoCompatibleProtocolVersion { .. }
            | ClientInitializeError::ExpectedInitResult(_)
    )
}

/// Why one attempt gave no connection.
enum Fault {
    /// The two do not understand one another, or the server is not there.
    Protocol(Box<ClientInitializeError>),
    Other(ConnectFault),
}

impl From<ConnectFault> for Fault {
    fn from(fault: ConnectFault) -> Self {
        Self::Other(fault)
    }
}

impl From<Fault> for ConnectFault {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Protocol(error) => {
                let challenge = Challenge::of_connecting(&error);
                Self::of(error.to_string(), challenge)
            }
            Fault::Other(fault) => fault,
        }
    }
}

async fn attempt(
    transport: &McpTransport,
    token: Option<&SecretText>,
    servers: &BTreeMap<String, McpServerSettings>,
    egress: &Arc<Egress>,
    lifecycle: ClientLifecycleMode,
) -> Result<Connection, Fault> {
    match transport {
        McpTransport::Stdio { server } => start(server, servers, lifecycle).await,
        McpTransport::Http { url, headers } => reach(url, headers, token, egress, lifecycle).await,
    }
}

async fn start(
    server: &str,
    servers: &BTreeMap<String, McpServerSettings>,
    lifecycle: ClientLifecycleMode,
) -> Result<Connection, Fault> {
    let Some(settings) = servers.get(server) else {
        let reason = "this server's configuration does not list it".to_owned();
        return Err(ConnectFault::terminal(reason).into());
    };
    let (program, transport) = Program::start(server, settings).map_err(|error| {
        ConnectFault::terminal(format!("start {:?}: {error}", settings.command))
    })?;
    let listener = Listener::default();
    let running = serve_client_with_lifecycle(listener.clone(), transport, lifecycle).await;
    let running = running.map_err(|error| Fault::Protocol(Box::new(error)))?;
    Ok(Connection::new(running, listener, Some(program)))
}

async fn reach(
    url: &str,
    headers: &BTreeMap<String, String>,
    token: Option<&SecretText>,
    egress: &Arc<Egress>,
    lifecycle: ClientLifecycleMode,
) -> Result<Connection, Fault> {
    let parsed = parse_url(url).map_err(ConnectFault::terminal)?;
    let headers = parse_headers(headers).map_err(ConnectFault::terminal)?;
    let client = McpHttp::new(Arc::clone(egress), parsed)
        .ok_or_else(|| ConnectFault::terminal("the URL names no host".to_owned()))?;
    let headers = headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let mut config = StreamableHttpClientTransportConfig::with_uri(url)
        .max_concurrent_requests(MAX_REQUESTS_AT_ONCE)
        .max_sse_event_size(MAX_MESSAGE_BYTES)
        .custom_headers(headers);
    config.retry_config = Arc::new(StreamPatience);
    config.auth_header = token.map(|token| token.expose().to_owned());
    let transport = StreamableHttpClientTransport::with_client(client, config);
    let listener = Listener::default();
    let running = serve_client_with_lifecycle(listener.clone(), transport, lifecycle).await;
    let running = running.map_err(|error| Fault::Protocol(Box::new(error)))?;
    Ok(Connection::new(running, listener, None))
}

/// Protocols without a handshake, and one with it when the server does not know the question.
fn newest() -> ClientLifecycleMode {
    let mut versions = ProtocolVersion::KNOWN_VERSIONS.to_vec();
    versions.retain(|version| !version.has_initialize());
    ClientLifecycleMode::Auto { preferred_versions: versions, legacy_version: None }
}
