//! A server that plays one answer to every request and keeps the requests.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What is played.
#[derive(Debug, Clone)]
pub(super) struct Play {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<Bytes>,
    pub(super) end: End,
}

/// What comes after the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The end of the body.
    Proper,
    /// The end of the connection.
    Cut,
    /// Nothing, for ever.
    Stall,
    /// Nothing from the start: not even the status comes.
    Hang,
}

impl Play {
    /// A stream, in pieces of this size.
    pub(super) fn stream(body: &[u8], piece_bytes: usize) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type", "text/event-stream".to_owned())],
            body: body.chunks(piece_bytes.max(1)).map(Bytes::copy_from_slice).collect(),
            end: End::Proper,
        }
    }

    /// An error with a body.
    pub(super) fn error(status: u16, body: &str) -> Self {
        Self {
            status,
            headers: vec![("content-type", "application/json".to_owned())],
            body: vec![Bytes::copy_from_slice(body.as_bytes())],
            end: End::Proper,
        }
    }

    pub(super) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn ending(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    async fn into_response(self) -> Response {
        if self.end == End::Hang {
            std::future::pending::<()>().await;
        }
        let frames = stream::iter(self.body.into_iter().map(Ok::<_, std::io::Error>));
        let tail = match self.end {
            End::Proper | End::Hang => stream::empty().boxed(),
            End::Cut => stream::iter([Err(std::io::Error::other("cut by the test"))]).boxed(),
            End::Stall => stream::pending().boxed(),
        };
        let mut response = Body::from_stream(frames.chain(tail)).into_response();
        *response.status_mut() = StatusCode::from_u16(self.status).expect("tests use real ones");
        for (name, value) in self.headers {
            let value = HeaderValue::from_str(&value).expect("tests use printable ones");
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
        response
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Recorded {
    pub(super) peer: SocketAddr,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// The server; it stops when dropped.
pub(super) struct Player {
    pub(super) url: String,
    requests: Arc<Mutex<Vec<Recorded>>>,
    _task: JoinSet<Result<Infallible, std::io::Error>>,
}

impl Player {
    pub(super) async fn start(play: Play) -> Self {
        let requests: Arc<Mutex<Vec<Recorded>>> = Arc::default();
        let seen = requests.clone();
        let handler = move |ConnectInfo(peer): ConnectInfo<SocketAddr>,
                            method: Method,
                            uri: Uri,
                            headers: HeaderMap,
                            body: Bytes| {
            let recorded = Recorded { peer, method, uri, headers, body };
            seen.lock().expect("no test panics while it holds this lock").push(recorded);
            play.clone().into_response()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let app =
            Router::new().fallback(handler).into_make_service_with_connect_info::<SocketAddr>();
        let mut task = JoinSet::new();
        task.spawn(async move {
            axum::serve(listener, app).await?;
            std::future::pending().await
        });
        Self { url, requests, _task: task }
    }

    pub(super) fn requests(&self) -> Vec<Recorded> {
        self.requests.lock().expect("no test panics while it holds this lock").clone()
    }
}
