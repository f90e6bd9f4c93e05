//! The fixture as a program and as a server over HTTP, and the log that it writes to.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use mainstay_adapters::tool::McpServerSettings;
use mainstay_core::tool::{ApprovalMode, McpTransport, ToolSource};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::mcp_fixture::Fixture;

/// Lines that are waiting to be read by a test.
const MAX_LOG_LINES: usize = 1_024;

/// The largest request to the fixture.
const MAX_BODY_BYTES: usize = 1_048_576;

/// What the fixture tells, over all of its lives.
pub(super) struct Log {
    pub(super) address: SocketAddr,
    lines: mpsc::Receiver<String>,
    _running: JoinSet<()>,
}

impl Log {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (sender, lines) = mpsc::channel(MAX_LOG_LINES);
        let mut running = JoinSet::new();
        running.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                let mut stream = BufReader::new(stream).lines();
                while let Ok(Some(line)) = stream.next_line().await {
                    if sender.send(line).await.is_err() {
                        return;
                    }
                }
            }
        });
        Self { address, lines, _running: running }
    }

    /// Reads until the fixture has told this, and gives how many lines were before it.
    pub(super) async fn wait_for(&mut self, expected: &str) -> usize {
        let mut before = 0;
        while self.lines.recv().await.expect("the log is open") != expected {
            before += 1;
        }
        before
    }
}

/// The fixture as a program of the operator's list, under the name `fixture`.
pub(super) fn program(log: &Log, is_legacy: bool) -> BTreeMap<String, McpServerSettings> {
    let mut args = vec![log.address.to_string()];
    args.extend(is_legacy.then(|| "legacy".to_owned()));
    let env = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
    let command = fixture_path().to_string_lossy().into_owned();
    BTreeMap::from([("fixture".to_owned(), McpServerSettings { command, args, env })])
}

/// `cargo test` builds examples beside the tests.
fn fixture_path() -> PathBuf {
    let mut path = std::env::current_exe().expect("this program has a path");
    path.pop();
    path.pop();
    path.push("examples/mcp_fixture");
    assert!(path.exists(), "{} is not built: build the examples too", path.display());
    path
}

pub(super) fn stdio() -> McpTransport {
    McpTransport::Stdio { server: "fixture".to_owned() }
}

/// A source that must be reached.
pub(super) fn source(transport: McpTransport) -> ToolSource {
    ToolSource::Mcp {
        label: "fixture".to_owned(),
        transport,
        allowed_tools: None,
        safety: BTreeMap::new(),
        approval: ApprovalMode::Never,
        required: true,
    }
}

/// The fixture over HTTP, for callers with the right header; it ends with this value, and every
/// connection with it.
pub(super) struct HttpFixture {
    pub(super) address: SocketAddr,
    running: Option<Runtime>,
}

impl HttpFixture {
    pub(super) async fn start(log: &Log, is_legacy: bool) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener");
        let address = listener.local_addr().expect("an address");
        // Blocks for a moment, on a port of this machine that is listening already.
        let fixture = Fixture::new(&log.address.to_string(), is_legacy).expect("the log is open");
        let sessions = Arc::new(LocalSessionManager::default());
        let config = StreamableHttpServerConfig::default();
        let service = StreamableHttpService::new(move || Ok(fixture.clone()), sessions, config);
        let mut router = Router::new().fallback_service(service).layer(from_fn(authenticate));
        if is_legacy {
            router = router.layer(from_fn(know_no_discovery));
        }
        let running =
            Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        running.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            axum::serve(listener, router).await.expect("it serves");
        });
        Self { address, running: Some(running) }
    }

    pub(super) fn transport(&self, token: &str) -> McpTransport {
        McpTransport::Http {
            url: format!("http://{}/mcp", self.address),
            headers: BTreeMap::from([("authorization".to_owned(), format!("Bearer {token}"))]),
        }
    }
}

impl Drop for HttpFixture {
    fn drop(&mut self) {
        self.running.take().expect("taken once").shutdown_background();
    }
}

async fn authenticate(request: Request, next: Next) -> Response {
    let token = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    if token == Some("Bearer right") {
        return next.run(request).await;
    }
    StatusCode::UNAUTHORIZED.into_response()
}

/// Old servers want a session for everything but the handshake, and say so in their own words.
async fn know_no_discovery(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY_BYTES).await.expect("a small body");
    if String::from_utf8_lossy(&body).contains("server/discover") {
        return (StatusCode::BAD_REQUEST, "Bad Request: no session").into_response();
    }
    next.run(Request::from_parts(head, Body::from(body))).await
}
