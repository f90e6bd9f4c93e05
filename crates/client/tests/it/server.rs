//! A server that answers what it was told, in order, and remembers what it was asked.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use futures::StreamExt;
use mainstay_client::Client;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// What is answered to one request.
pub(crate) enum Answer {
    /// A status and a body.
    Whole(u16, String),
    /// These pieces, then the connection breaks.
    Cut(Vec<String>),
    /// Nothing, ever.
    Silence,
    /// These pieces, and nothing behind them.
    Hang(Vec<String>),
}

struct Inner {
    answers: VecDeque<Answer>,
    asked: Vec<String>,
}

/// The server; it ends when dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
    _task: JoinSet<()>,
}

impl Server {
    pub(crate) async fn start(answers: Vec<Answer>) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), answers).await
    }

    pub(crate) async fn start_at(address: SocketAddr, answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let inner = Arc::new(Mutex::new(Inner { answers: answers.into(), asked: Vec::new() }));
        let routes = Router::new().fallback(answer).with_state(inner.clone());
        let mut task = JoinSet::new();
        task.spawn(async move {
            axum::serve(listener, routes).await.expect("the listener lives");
        });
        Self { address, inner, _task: task }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&format!("http://{}", self.address), "msk_1").expect("a client")
    }

    /// `METHOD PATH?QUERY` of each request so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.inner.lock().expect("no test panics with it").asked.clone()
    }
}

async fn answer(State(inner): State<Arc<Mutex<Inner>>>, request: Request) -> Response {
    let next = {
        let mut inner = inner.lock().expect("no test panics with it");
        let authorization = request.headers().get("authorization");
        assert_eq!(authorization.expect("a key"), "Bearer msk_1");
        inner.asked.push(format!("{} {}", request.method(), request.uri()));
        inner.answers.pop_front()
    };
    let pieces = |pieces: Vec<String>| pieces.into_iter().map(|text| Ok(Bytes::from(text)));
    let body = match next.expect("a request more than answers") {
        Answer::Whole(status, body) => {
            let response = Response::builder().status(status);
            return response.body(Body::from(body)).expect("a response");
        }
        Answer::Cut(text) => {
            let end = futures::stream::once(async {
                // What came before is sent when the body has to wait.
                tokio::task::yield_now().await;
                Err(io::Error::other("cut"))
            });
            Body::from_stream(futures::stream::iter(pieces(text)).chain(end))
        }
        Answer::Silence => futures::future::pending().await,
        Answer::Hang(text) => {
            let pieces = futures::stream::iter(pieces(text));
            Body::from_stream(pieces.chain(futures::stream::pending::<io::Result<Bytes>>()))
        }
    };
    Response::new(body)
}

/// A frame of a kept event.
pub(crate) fn kept(number: u64, event: &str) -> String {
    format!("id: {number}\n{}", frame(number, event))
}

/// A frame of an event that is not kept.
pub(crate) fn frame(number: u64, event: &str) -> String {
    let (kind, members) = event.split_once(' ').unwrap_or((event, ""));
    let comma = if members.is_empty() { "" } else { "," };
    format!(
        "data: {{\"event_id\":\"evt_{number}\",\"sequence_number\":{number},\
         \"type\":\"agent.session.{kind}\"{comma}{members}}}\n\n"
    )
}
