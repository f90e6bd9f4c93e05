//! Requests of a machine that are read here: plain HTTP, and TLS to hosts that get secrets.
//!
//! Invariant: a request goes to the host that the connection is for, whatever it says; what frames
//! messages is written anew, so that none hides in another. Deliberately absent: caches, HTTP/2.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http_body_util::{BodyExt, Empty, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Body as _, Frame, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use url::Host;

use super::address::Destination;
use super::connection::{Connection, refuse};
use super::dial::dial;
use super::limits::{HANDSHAKE_TIMEOUT_MS, HELD_BODY_BYTES, MAX_HEAD_BYTES, MAX_HEADERS};
use super::refusal::Refusal;
use super::replace::{Replacer, Table};
use super::secrets::Substitution;

/// The body of a message.
pub(super) type Body = UnsyncBoxBody<Bytes, hyper::Error>;

/// A body of this text.
pub(super) fn text(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// A body without anything.
pub(super) fn nothing() -> Body {
    Empty::new().map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// How a destination is spoken to.
#[derive(Clone)]
pub(super) enum Speech {
    /// Plain.
    Plain,
    /// Encrypted, with these secrets put in.
    Secret(Arc<Substitution>),
}

/// A destination whose requests are read here.
pub(super) struct Exchange {
    pub(super) connection: Arc<Connection>,
    pub(super) destination: Destination,
    pub(super) speech: Speech,
    /// A connection that was made when the destination was checked.
    first: Mutex<Option<TcpStream>>,
    sender: tokio::sync::Mutex<Option<SendRequest<Body>>>,
    /// What drives connections to the destination; they end with this value.
    drivers: Mutex<JoinSet<()>>,
}

impl Exchange {
    pub(super) fn new(
        connection: Arc<Connection>,
        destination: Destination,
        speech: Speech,
        first: Option<TcpStream>,
    ) -> Arc<Self> {
        Arc::new(Self {
            connection,
            destination,
            speech,
            first: Mutex::new(first),
            sender: tokio::sync::Mutex::default(),
            drivers: Mutex::default(),
        })
    }

    /// Answers a request with what the destination answers.
    pub(super) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        match self.try_answer(request).await {
            Ok(response) => response,
            Err(refusal) => {
                self.connection.note(&refusal);
                refuse(&refusal)
            }
        }
    }

    async fn try_answer(&self, request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
        self.check_host(&request)?;
        let (mut parts, body) = request.into_parts();
        let guest_upgrade = parts.extensions.remove::<hyper::upgrade::OnUpgrade>();
        let is_head = parts.method == Method::HEAD;
        let protocol = upgrade_of(&parts.headers);
        strip(&mut parts.headers);
        parts.uri = Uri::from(parts.uri.into_parts().path_and_query.unwrap_or_else(root));
        parts.version = Version::HTTP_11;
        let host = HeaderValue::from_str(&self.host_header()).expect("a host is ASCII");
        parts.headers.insert(HOST, host);
        if let Some(protocol) = &protocol {
            parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            parts.headers.insert(UPGRADE, protocol.clone());
        }
        let body = self.reveal(&mut parts.headers, body).await?;
        let mut response = self.send(Request::from_parts(parts, body)).await?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return self.switch(response, guest_upgrade, protocol);
        }
        strip(response.headers_mut());
        Ok(self.hide(response, is_head))
    }

    /// The host of a request is that of its connection: several share addresses, and only one was asked
    /// for and checked.
    fn check_host(&self, request: &Request<Incoming>) -> Result<(), Refusal> {
        let default_port = match self.speech {
            Speech::Plain => 80,
            Speech::Secret(_) => 443,
        };
        let other = |name: &str| Refusal::OtherHost {
            host: self.destination.to_string(),
            name: name.to_owned(),
        };
        // Behind an absolute URL the header means nothing, and it is written anew.
        let named = match request.uri().authority() {
            Some(authority) => authority.clone(),
            None => {
                let mut hosts = request.headers().get_all(HOST).iter();
                let only = hosts.next().filter(|_| hosts.next().is_none());
                let named = only.and_then(|named| named.to_str().ok()).unwrap_or_default();
                named.parse().map_err(|_| other(named))?
            }
        };
        let meant = Destination::parse(&named, Some(default_port))?;
        if meant == self.destination { Ok(()) } else { Err(other(named.as_str())) }
    }

    fn host_header(&self) -> String {
        let Destination { host, port } = &self.destination;
        match (&self.speech, port) {
            (Speech::Plain, 80) | (Speech::Secret(_), 443) => host.to_string(),
            _ => self.destination.to_string(),
        }
    }

    /// Puts secrets into a request. A small body's length is said, a large one is sent in chunks.
    async fn reveal(&self, headers: &mut HeaderMap, body: Incoming) -> Result<Body, Refusal> {
        let Speech::Secret(substitution) = &self.speech else {
            return Ok(body.boxed_unsync());
        };
        let used = substitution.reveal_in(headers)?;
        self.note_secrets(substitution, &used);
        // What is compressed cannot be searched for secrets on the way back.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if body.is_end_stream() {
            return Ok(body.boxed_unsync());
        }
        let size = body.size_hint().exact().filter(|size| *size <= HELD_BODY_BYTES);
        headers.remove(CONTENT_LENGTH);
        if size.is_some() {
            let whole = body.collect().await.map_err(|error| Refusal::Broken(error.to_string()))?;
            let (replaced, used) = substitution.reveal.replace(&whole.to_bytes());
            self.note_secrets(substitution, &used);
            return Ok(text(replaced));
        }
        let (connection, own) = (Arc::clone(&self.connection), Arc::clone(substitution));
        let note = move |used: &[usize]| {
            used.iter().for_each(|index| connection.note_secret(&own.variables[*index]));
        };
        Ok(replaced(body, Arc::clone(&substitution.reveal), note))
    }

    fn note_secrets(&self, substitution: &Substitution, used: &[usize]) {
        used.iter().for_each(|index| self.connection.note_secret(&substitution.variables[*index]));
    }

    fn hide(&self, response: Response<Incoming>, is_head: bool) -> Response<Body> {
        let Speech::Secret(substitution) = &self.speech else {
            return response.map(BodyExt::boxed_unsync);
        };
        let (mut parts, body) = response.into_parts();
        substitution.hide_in(&mut parts.headers);
        let Some(hide) = substitution.hide.as_ref().filter(|_| !is_head && !body.is_end_stream())
        else {
            return Response::from_parts(parts, body.boxed_unsync());
        };
        parts.headers.remove(CONTENT_LENGTH);
        Response::from_parts(parts, replaced(body, Arc::clone(hide), |_| {}))
    }

    async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, Refusal> {
        let mut sender = self.sender.lock().await;
        let is_usable = match sender.as_mut() {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !is_usable {
            *sender = Some(self.connect().await?);
        }
        let sender = sender.as_mut().expect("it was just put there");
        let unreachable = |error: hyper::Error| Refusal::Broken(error.to_string());
        sender.send_request(request).await.map_err(unreachable)
    }

    async fn connect(&self) -> Result<SendRequest<Body>, Refusal> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        let stream = match first {
            Some(stream) => stream,
            None => {
                let proxy = &self.connection.proxy;
                dial(&proxy.settings, &proxy.rule, &self.destination).await?
            }
        };
        match &self.speech {
            Speech::Plain => self.drive(stream).await,
            Speech::Secret(_) => {
                let name = match &self.destination.host {
                    Host::Domain(name) => ServerName::try_from(name.clone())
                        .map_err(|error| Refusal::BadRequest(error.to_string()))?,
                    Host::Ipv4(address) => ServerName::from(std::net::IpAddr::V4(*address)),
                    Host::Ipv6(address) => ServerName::from(std::net::IpAddr::V6(*address)),
                };
                let connector = TlsConnector::from(Arc::clone(&self.connection.proxy.settings.tls));
                let shaking = connector.connect(name, stream);
                let limit = Duration::from_millis(HANDSHAKE_TIMEOUT_MS);
                let unreachable = |cause: String| Refusal::Unreachable {
                    host: self.destination.to_string(),
                    cause,
                };
                let stream = timeout(limit, shaking)
                    .await
                    .map_err(|_| unreachable(format!("no TLS within {HANDSHAKE_TIMEOUT_MS} ms")))?
                    .map_err(|error| unreachable(error.to_string()))?;
                self.drive(stream).await
            }
        }
    }

    async fn drive<T>(&self, stream: T) -> Result<SendRequest<Body>, Refusal>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = hyper::client::conn::http1::Builder::new()
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEAD_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Refusal::Broken(error.to_string()))?;
        let mut drivers = self.drivers.lock().unwrap_or_else(PoisonError::into_inner);
        drivers.spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "connection of a machine to its destination");
            }
        });
        Ok(sender)
    }

    /// Hands both ends to each other, for WebSockets and the like.
    fn switch(
        &self,
        mut response: Response<Incoming>,
        guest: Option<hyper::upgrade::OnUpgrade>,
        protocol: Option<HeaderValue>,
    ) -> Result<Response<Body>, Refusal> {
        let (Some(guest), Some(protocol)) = (guest, protocol) else {
            let what = "the destination changed to a protocol that was not asked for";
            return Err(Refusal::Broken(what.to_owned()));
        };
        let upstream = hyper::upgrade::on(&mut response);
        self.connection.then(
            async move {
                if let (Ok(guest), Ok(upstream)) = tokio::join!(guest, upstream) {
                    let (mut guest, mut upstream) = (TokioIo::new(guest), TokioIo::new(upstream));
                    // Whatever ends it, both ends see.
                    let _ = tokio::io::copy_bidirectional(&mut guest, &mut upstream).await;
                }
            }
            .boxed(),
        );
        strip(response.headers_mut());
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
        response.headers_mut().insert(UPGRADE, protocol);
        Ok(response.map(|_| nothing()))
    }
}

fn root() -> PathAndQuery {
    PathAndQuery::from_static("/")
}

/// The protocol that a request wants to go on with.
fn upgrade_of(headers: &HeaderMap) -> Option<HeaderValue> {
    let wants = |value: &HeaderValue| {
        let tokens = value.to_str().unwrap_or_default().split(',');
        tokens.into_iter().any(|token| token.trim().eq_ignore_ascii_case("upgrade"))
    };
    headers.get(UPGRADE).filter(|_| headers.get_all(CONNECTION).iter().any(wants)).cloned()
}

/// Removes what is for one hop.
fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let fixed = [CONNECTION, UPGRADE, TE, TRAILER, TRANSFER_ENCODING];
    let proxies = ["keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate"];
    let proxies = proxies.into_iter().map(HeaderName::from_static);
    for name in named.into_iter().chain(fixed).chain(proxies) {
        if name != HOST && name != CONTENT_LENGTH {
            headers.remove(name);
        }
    }
}

/// A body with texts replaced as it passes.
fn replaced(body: Incoming, table: Arc<Table>, note: impl Fn(&[usize]) + Send + 'static) -> Body {
    let state = Some((body, Replacer::new(table), note));
    let frames = futures::stream::try_unfold(state, |state| async move {
        let Some((mut body, mut replacer, note)) = state else {
            return Ok(None);
        };
        while let Some(frame) = body.frame().await {
            let Ok(bytes) = frame?.into_data() else { continue };
            let out = replacer.feed(&bytes);
            if !out.is_empty() {
                note(&replacer.used);
                return Ok(Some((Frame::data(Bytes::from(out)), Some((body, replacer, note)))));
            }
        }
        let rest = replacer.finish();
        note(&replacer.used);
        Ok(Some((Frame::data(Bytes::from(rest)), None)))
    });
    StreamBody::new(frames).boxed_unsync()
}

/// Something that goes on when a connection is no longer HTTP.
pub(super) type Continuation = BoxFuture<'static, ()>;
