//! A server of the test: it answers as its paths say and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What was asked.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) uri: String,
    pub(super) headers: HeaderMap,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A running server; it ends with this value.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    _running: JoinSet<()>,
}

impl Server {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let router = Router::new()
            .route("/status/{status}", any(status))
            .route("/redirect/{status}", any(redirect))
            .route("/hops/{left}", any(hops))
            .route("/away/{*path}", any(away))
            .route("/size/{bytes}", any(size))
            .route("/silent", any(silent))
            .route("/encoded", any(encoded))
            .route("/spec.json", any(spec))
            .fallback(any(echo))
            .with_state(Arc::clone(&asked));
        let mut running = JoinSet::new();
        running.spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { address, asked, _running: running }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("not poisoned").clone()
    }
}

type Log = State<Arc<Mutex<Vec<Asked>>>>;

fn note(log: &Log, method: Method, uri: &Uri, headers: HeaderMap) {
    let asked = Asked { method, uri: uri.to_string(), headers };
    log.lock().expect("not poisoned").push(asked);
}

async fn echo(log: Log, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let answer = json!({"method": method.as_str(), "uri": uri.to_string(), "body": String::from_utf8_lossy(&body)});
    note(&log, method, &uri, headers);
    axum::Json(answer).into_response()
}

async fn status(
    log: Log,
    Path(status): Path<u16>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    note(&log, method, &uri, headers);
    let status = StatusCode::from_u16(status).expect("a status");
    let retry = uri.query().and_then(|query| query.strip_prefix("retry-after="));
    let name = HeaderName::from_static("retry-after");
    let headers: Vec<(HeaderName, String)> =
        retry.map(|value| (name, value.to_owned())).into_iter().collect();
    let mut answer = (status, format!("answer {status}")).into_response();
    for (name, value) in headers {
        answer.headers_mut().insert(name, value.parse().expect("a value"));
    }
    answer
}

#[derive(serde::Deserialize)]
struct To {
    to: String,
}

async fn redirect(
    log: Log,
    Path(status): Path<u16>,
    Query(To { to }): Query<To>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    note(&log, method, &uri, headers);
    (StatusCode::from_u16(status).expect("a status"), [("location", to)]).into_response()
}

async fn hops(Path(left): Path<u8>) -> Response {
    match left.checked_sub(1) {
        Some(left) => (StatusCode::FOUND, [("location", format!("/hops/{left}"))]).into_response(),
        None => "answer 0".into_response(),
    }
}

async fn away() -> Response {
    (StatusCode::FOUND, [("location", "http://169.254.169.254/latest/meta-data/")]).into_response()
}

async fn size(Path(bytes): Path<usize>) -> Response {
    (StatusCode::OK, [("content-type", "text/plain")], Body::from("z".repeat(bytes)))
        .into_response()
}

async fn silent(log: Log, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    note(&log, method, &uri, headers);
    std::future::pending().await
}

async fn encoded() -> Response {
    ([("content-encoding", "gzip")], "not really").into_response()
}

async fn spec(log: Log, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    note(&log, method, &uri, headers);
    axum::Json(relative_document()).into_response()
}

/// A document whose server is written relative to where it came from.
fn relative_document() -> Value {
    json!({
        "openapi": "3.1.0",
        "servers": [{"url": "/v1"}],
        "paths": {"/orders": {"get": {"operationId": "list_orders", "summary": "All orders."}}},
    })
}

/// A server that reads a request and then breaks the connection without an answer.
pub(super) async fn start_breaking() -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let mut running = JoinSet::new();
    running.spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut head = [0; 4_096];
            let read = stream.read(&mut head).await.expect("a request");
            assert!(read > 0, "a request was sent");
            stream.shutdown().await.expect("closed");
        }
    });
    (address, running)
}
