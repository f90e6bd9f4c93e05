//! One connection that a machine made to its proxy.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};

use super::address::Destination;
use super::count::{Counted, Counts};
use super::dial::dial;
use super::exchange::{Body, Continuation, Exchange, Speech, nothing, text};
use super::limits::{HEAD_TIMEOUT_MS, MAX_HEAD_BYTES, MAX_HEADERS};
use super::proxy::Proxy;
use super::records::Recording;
use super::refusal::Refusal;
use super::tunnel::tunnel;

/// What belongs to one connection.
pub(super) struct Connection {
    pub(super) proxy: Arc<Proxy>,
    counts: Arc<Counts>,
    recording: OnceLock<Recording>,
    /// What goes on when it is no longer HTTP.
    next: Mutex<Option<Continuation>>,
    /// What answers come through.
    kept: Mutex<Option<Arc<Exchange>>>,
}

/// Lets go of what a connection holds, which holds the connection.
struct Release(Arc<Connection>);

impl Drop for Release {
    fn drop(&mut self) {
        self.0.next.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// Serves a connection to its end.
pub(super) async fn serve(proxy: Arc<Proxy>, io: DuplexStream) {
    let counts = Arc::new(Counts::default());
    let connection = Arc::new(Connection {
        proxy,
        counts: Arc::clone(&counts),
        recording: OnceLock::new(),
        next: Mutex::default(),
        kept: Mutex::default(),
    });
    let _release = Release(Arc::clone(&connection));
    let clock = Arc::clone(&connection.proxy.settings.clock);
    let own = Arc::clone(&connection);
    let answer = service_fn(move |request| {
        let connection = Arc::clone(&own);
        async move { Ok::<_, Infallible>(first_answer(connection, request).await) }
    });
    let work = async {
        let serving = server()
            .keep_alive(false)
            .serve_connection(TokioIo::new(Counted::new(io, Arc::clone(&counts))), answer);
        if let Err(error) = serving.with_upgrades().await {
            tracing::debug!(%error, "connection of a machine");
        }
        connection.go_on().await;
    };
    let mut work = std::pin::pin!(work.fuse());
    let mut watch = std::pin::pin!(counts.watch(&*clock).fuse());
    futures::select_biased! {
        () = work => {}
        refusal = watch => connection.note(&refusal),
    }
}

/// A server with the bounds of the proxy.
pub(super) fn server() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(HEAD_TIMEOUT_MS))
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .half_close(true);
    builder
}

impl Connection {
    /// Notes why it was refused or broke.
    pub(super) fn note(&self, refusal: &Refusal) {
        if let Some(recording) = self.recording.get() {
            recording.refuse(refusal);
        }
    }

    /// Notes that a secret was put in.
    pub(super) fn note_secret(&self, variable: &str) {
        if let Some(recording) = self.recording.get() {
            recording.note_secret(variable);
        }
    }

    /// What is to be done once it is no longer HTTP.
    pub(super) fn then(&self, next: Continuation) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(next);
    }

    /// Does it.
    pub(super) async fn go_on(&self) {
        let next = self.next.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(next) = next {
            next.await;
        }
    }

    /// Keeps what an answer comes through until the connection ends.
    fn keep(&self, exchange: Arc<Exchange>) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(exchange);
    }

    /// Serves HTTP within a tunnel: requests for its destination alone.
    pub(super) async fn serve_within<T>(self: &Arc<Self>, io: T, exchange: Arc<Exchange>)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.keep(Arc::clone(&exchange));
        let answer = service_fn(move |request| {
            let exchange = Arc::clone(&exchange);
            async move { Ok::<_, Infallible>(exchange.answer(request).await) }
        });
        let serving = server().serve_connection(TokioIo::new(io), answer).with_upgrades();
        if let Err(error) = serving.await {
            tracing::debug!(%error, "connection of a machine, within its tunnel");
        }
        Box::pin(self.go_on()).await;
    }

    fn record(&self, destination: &Destination) -> Result<(), Refusal> {
        let now_ms = self.proxy.settings.clock.now_ms();
        let recording = self.proxy.records.begin(now_ms, destination, &self.counts)?;
        // A connection has one request that is recorded: the first.
        self.recording.get_or_init(|| recording);
        Ok(())
    }
}

async fn first_answer(connection: Arc<Connection>, request: Request<Incoming>) -> Response<Body> {
    let answer = match *request.method() {
        Method::CONNECT => connect(&connection, request).await,
        _ => forward(&connection, request).await,
    };
    answer.unwrap_or_else(|refusal| {
        connection.note(&refusal);
        refuse(&refusal)
    })
}

async fn connect(
    connection: &Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Refusal> {
    let authority = request.uri().authority().ok_or_else(|| {
        Refusal::BadRequest("CONNECT names no host and port, as in CONNECT example.com:443".into())
    })?;
    let destination = Destination::parse(authority, None)?;
    connection.record(&destination)?;
    let proxy = &connection.proxy;
    let stream = dial(&proxy.settings, &proxy.rule, &destination).await?;
    let own = Arc::clone(connection);
    connection.then(
        async move {
            match hyper::upgrade::on(request).await {
                Ok(io) => tunnel(&own, TokioIo::new(io), destination, stream).await,
                Err(error) => own.note(&Refusal::Broken(error.to_string())),
            }
        }
        .boxed(),
    );
    Ok(Response::new(nothing()))
}

async fn forward(
    connection: &Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Refusal> {
    let bad = |reason: &str| Refusal::BadRequest(reason.to_owned());
    let authority = match (request.uri().scheme_str(), request.uri().authority()) {
        (Some("http"), Some(authority)) => authority,
        (Some(_), _) => {
            return Err(bad("this is a proxy for http and CONNECT; other URLs go through CONNECT"));
        }
        _ => {
            return Err(bad(
                "this is the proxy of a machine, not a web server; set http_proxy and https_proxy to it",
            ));
        }
    };
    let destination = Destination::parse(authority, Some(80))?;
    connection.record(&destination)?;
    let proxy = &connection.proxy;
    let stream = dial(&proxy.settings, &proxy.rule, &destination).await?;
    let exchange = Exchange::new(Arc::clone(connection), destination, Speech::Plain, Some(stream));
    let response = Arc::clone(&exchange).answer(request).await;
    // The body comes through the connection that the exchange drives.
    connection.keep(exchange);
    Ok(response)
}

/// What the client is told. Clients print the status line or the body, seldom both.
pub(super) fn refuse(refusal: &Refusal) -> Response<Body> {
    let words = format!("Mainstay: {refusal}");
    let mut response = Response::new(text(format!("{words}\n")));
    *response.status_mut() =
        StatusCode::from_u16(refusal.status()).expect("refusals have statuses of HTTP");
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    let shown: String = words.chars().map(|c| if c.is_ascii_graphic() { c } else { ' ' }).collect();
    if let Ok(reason) = ReasonPhrase::try_from(shown) {
        response.extensions_mut().insert(reason);
    }
    response
}
