//! One connection to the server, one request at a time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Bound on each answer, and on each piece of a stream that somebody waits for.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(45);

/// A server, and the key to talk to it with.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    authorization: HeaderValue,
    host: HeaderValue,
}

impl Target {
    /// A server that listens here, and a key of it.
    pub fn new(address: SocketAddr, key: &str) -> anyhow::Result<Arc<Self>> {
        let authorization = format!("Bearer {key}").parse().context("the key as a header")?;
        let host = address.to_string().parse().context("the address as a header")?;
        Ok(Arc::new(Self { address, authorization, host }))
    }
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON, if the request went well.
    pub fn json(&self) -> anyhow::Result<Value> {
        self.success()?;
        serde_json::from_slice(&self.body).with_context(|| format!("read as JSON: {}", self.text()))
    }

    /// Whether the request went well.
    pub fn success(&self) -> anyhow::Result<()> {
        ensure!((200..300).contains(&self.status), "HTTP {}: {}", self.status, self.text());
        Ok(())
    }

    /// The code of an error's body.
    #[must_use]
    pub fn error_code(&self) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        Some(body["error"]["code"].as_str()?.to_owned())
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A connection that is kept open between requests.
pub struct Connection {
    target: Arc<Target>,
    sender: SendRequest<Full<Bytes>>,
    _driver: JoinSet<()>,
}

impl Connection {
    /// Connects.
    pub async fn open(target: &Arc<Target>) -> anyhow::Result<Self> {
        let connected = timeout(ANSWER_TIMEOUT, TcpStream::connect(target.address)).await;
        let socket = connected.context("connect: no answer")?;
        let socket = socket.with_context(|| format!("connect to {}", target.address))?;
        socket.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(socket)).await?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // How a connection ends is seen by the requests on it.
            let _ = connection.await;
        });
        Ok(Self { target: target.clone(), sender, _driver: driver })
    }

    /// Sends a request; the answer's body is still to be read.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: impl Into<Bytes>,
    ) -> anyhow::Result<Response<Incoming>> {
        let body = body.into();
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(HOST, self.target.host.clone());
        request = request.header(AUTHORIZATION, self.target.authorization.clone());
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).with_context(|| format!("ask for {path}"))?;
        self.sender.ready().await.context("the connection has ended")?;
        match timeout(ANSWER_TIMEOUT, self.sender.send_request(request)).await {
            Ok(answer) => answer.with_context(|| format!("ask for {path}")),
            Err(_) => bail!("ask for {path}: no answer in {} s", ANSWER_TIMEOUT.as_secs()),
        }
    }

    /// Sends a request and reads the answer.
    pub async fn call(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: impl Into<Bytes>,
    ) -> anyhow::Result<Answer> {
        let response = self.send(method, path, headers, body).await?;
        let status = response.status().as_u16();
        let read = timeout(ANSWER_TIMEOUT, response.into_body().collect()).await;
        let body = read.with_context(|| format!("{path}: the answer has no end"))?;
        let body = body.with_context(|| format!("read the answer of {path}"))?.to_bytes();
        Ok(Answer { status, body })
    }

    /// Asks for a JSON document.
    pub async fn get(&mut self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, path, &[], Bytes::new()).await?.json()
    }

    /// Sends a JSON document and reads another.
    pub async fn post(&mut self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(Method::POST, path, &[], body.to_string()).await?.json()
    }
}
