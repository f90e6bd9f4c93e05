//! A proxy, the servers that it may reach, and a door to it for real clients.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use mainstay_adapters::sandbox::Gate as _;
use mainstay_adapters::sandbox::egress::{
    Authority, ConnectionRecords, EgressProxy, EgressSettings,
};
use mainstay_adapters::tool::Lookup;
use mainstay_core::port::{Clock, Connection, NetworkRule, SandboxSecret};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A clock that stands; nothing here waits for it.
pub(super) struct StillClock;

#[async_trait]
impl Clock for StillClock {
    fn now_ms(&self) -> u64 {
        1_790_000_000_000
    }

    async fn sleep_until(&self, _: u64) {
        std::future::pending::<()>().await;
    }
}

/// Names that lead where a test wants, by turns.
#[derive(Default)]
pub(super) struct Names {
    answers: Mutex<BTreeMap<String, Vec<Vec<IpAddr>>>>,
    pub(super) asked: Mutex<Vec<String>>,
}

impl Names {
    pub(super) fn add(&self, name: &str, turns: &[&[&str]]) {
        let parse = |turn: &&[&str]| {
            turn.iter().map(|address| address.parse().expect("an address")).collect()
        };
        let turns = turns.iter().map(parse).collect();
        self.answers.lock().expect("not poisoned").insert(name.to_owned(), turns);
    }
}

impl Lookup for Names {
    fn lookup(&self, host: String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        let mut answers = self.answers.lock().expect("not poisoned");
        let found = match answers.get_mut(&host) {
            Some(turns) if turns.len() > 1 => Ok(turns.remove(0)),
            Some(turns) => Ok(turns[0].clone()),
            None => Err(std::io::Error::other("no such name")),
        };
        self.asked.lock().expect("not poisoned").push(host);
        Box::pin(async move { found })
    }
}

/// What a request looked like to a server.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) line: String,
    pub(super) headers: hyper::HeaderMap,
    pub(super) body: String,
}

/// A server that repeats what it was asked, with or without TLS.
pub(super) struct Upstream {
    pub(super) port: u16,
    pub(super) asked: Arc<Mutex<Vec<Asked>>>,
    /// What it has at paths, instead of repeating.
    pub(super) files: Arc<Files>,
    _running: JoinSet<()>,
}

type Files = Mutex<BTreeMap<String, Bytes>>;

impl Upstream {
    pub(super) async fn plain() -> Self {
        Self::start(None).await
    }

    pub(super) async fn tls(names: &[&str], roots: &Roots) -> Self {
        Self::start(Some(roots.acceptor(names))).await
    }

    async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let files = Arc::new(Files::default());
        let (log, own, mut running) = (Arc::clone(&asked), Arc::clone(&files), JoinSet::new());
        running.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                let (log, files, tls) = (Arc::clone(&log), Arc::clone(&own), tls.clone());
                connections.spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, log, files).await;
                            }
                        }
                        None => serve(stream, log, files).await,
                    }
                });
            }
        });
        Self { port, asked, files, _running: running }
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("not poisoned").clone()
    }
}

async fn serve<T>(stream: T, log: Arc<Mutex<Vec<Asked>>>, files: Arc<Files>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let answer = service_fn(move |request| {
        let (log, files) = (Arc::clone(&log), Arc::clone(&files));
        async move { Ok::<_, Infallible>(echo(request, &log, &files).await) }
    });
    let server = hyper::server::conn::http1::Builder::new();
    // A client that leaves is no failure.
    let _ = server.serve_connection(TokioIo::new(stream), answer).await;
}

async fn echo(
    request: Request<Incoming>,
    log: &Mutex<Vec<Asked>>,
    files: &Files,
) -> Response<Full<Bytes>> {
    let file = files.lock().expect("not poisoned").get(request.uri().path()).cloned();
    let line = format!("{} {}", request.method(), request.uri());
    let headers = request.headers().clone();
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let body = String::from_utf8_lossy(&body).into_owned();
    let credential = headers.get("authorization").cloned();
    log.lock().expect("not poisoned").push(Asked {
        line: line.clone(),
        headers,
        body: body.clone(),
    });
    if let Some(file) = file {
        let kind = if file.starts_with(b"<") { "text/html" } else { "application/json" };
        let mut response = Response::new(Full::from(file));
        response.headers_mut().insert("content-type", kind.parse().expect("a value"));
        return response;
    }
    let mut response = Response::new(Full::from(format!("{line}\n{body}")));
    if line.contains("/redirect-to-metadata") {
        *response.status_mut() = hyper::StatusCode::FOUND;
        let to = "http://169.254.169.254/latest/meta-data/";
        response.headers_mut().insert("location", to.parse().expect("a value"));
    }
    if let Some(credential) = credential {
        response.headers_mut().insert("x-repeated", credential);
    }
    response
}

/// An authority of the test, which destinations are verified against.
pub(super) struct Roots {
    issuer: Issuer<'static, KeyPair>,
    pub(super) pem: String,
}

impl Roots {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        // Another name than those of its certificates have: one that signs itself is not trusted.
        params.distinguished_name.push(rcgen::DnType::CommonName, "authority of the test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn acceptor(&self, names: &[&str]) -> TlsAcceptor {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).expect("names");
        let leaf = params.signed_by(&key, &self.issuer).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .expect("a certificate");
        TlsAcceptor::from(Arc::new(config))
    }
}

/// A client that trusts this authority alone.
pub(super) fn connector(pem: &str) -> TlsConnector {
    use tokio_rustls::rustls::pki_types::CertificateDer;
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM")).expect("a root");
    let config = tokio_rustls::rustls::ClientConfig::builder_with_provider(Arc::new(
        ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .expect("versions")
    .with_root_certificates(roots)
    .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// A proxy with all around it.
pub(super) struct Bench {
    pub(super) proxy: Arc<EgressProxy>,
    pub(super) records: Arc<ConnectionRecords>,
    pub(super) names: Arc<Names>,
    pub(super) folder: TempDir,
}

impl Bench {
    pub(super) fn new(
        rule: &NetworkRule,
        secrets: &[SandboxSecret],
        private_hosts: &[String],
        roots: &Roots,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let names = Arc::new(Names::default());
        let authority = Arc::new(Authority::open(folder.path()).expect("an authority"));
        let private = private_hosts.iter().map(|host| host.parse().expect("host:port")).collect();
        let settings = EgressSettings::new(
            private,
            roots.pem.as_bytes(),
            Arc::clone(&names) as Arc<dyn Lookup>,
            authority,
            Arc::new(StillClock),
        );
        let settings = Arc::new(settings.expect("settings"));
        let file = folder.path().join("connections.jsonl");
        let records = Arc::new(ConnectionRecords::open(&file).expect("records"));
        let proxy = EgressProxy::new(rule, secrets, settings, Arc::clone(&records));
        Self { proxy: Arc::new(proxy.expect("a rule")), records, names, folder }
    }

    /// Hosts that lead to this machine, and may.
    pub(super) fn reaching(rule: &NetworkRule, secrets: &[SandboxSecret], hosts: &[&str]) -> Self {
        Self::with_roots(rule, secrets, hosts, &Roots::new())
    }

    pub(super) fn with_roots(
        rule: &NetworkRule,
        secrets: &[SandboxSecret],
        hosts: &[&str],
        roots: &Roots,
    ) -> Self {
        let private: Vec<_> = hosts.iter().map(|host| format!("{host}:*")).collect();
        let bench = Self::new(rule, secrets, &private, roots);
        for host in hosts {
            bench.names.add(host, &[&["127.0.0.1"]]);
        }
        bench
    }

    /// The machine's end of a new connection.
    pub(super) fn connect(&self) -> DuplexStream {
        let (guest, host) = tokio::io::duplex(64 << 10);
        self.proxy.open(host);
        guest
    }

    /// Sends this and reads all that comes.
    pub(super) async fn say(&self, text: &str) -> String {
        let mut guest = self.connect();
        // One that is turned away is closed before it has said anything.
        let _ = guest.write_all(text.as_bytes()).await;
        let mut answer = Vec::new();
        guest.read_to_end(&mut answer).await.expect("it ends");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A tunnel to this destination; the error is the proxy's status line.
    pub(super) async fn tunnel(&self, to: &str) -> Result<DuplexStream, String> {
        let mut guest = self.connect();
        let request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n");
        guest.write_all(request.as_bytes()).await.expect("it is taken");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(guest.read_u8().await.expect("an answer"));
        }
        let head = String::from_utf8(head).expect("text");
        let status = head.lines().next().unwrap_or_default();
        if status.starts_with("HTTP/1.1 200") { Ok(guest) } else { Err(status.to_owned()) }
    }

    /// The connections so far, once there are as many.
    pub(super) async fn connections(&self, count: usize) -> Vec<Connection> {
        loop {
            let ended = self.records.after(0).expect("records");
            if ended.len() >= count {
                return ended;
            }
            tokio::task::yield_now().await;
        }
    }

    /// A port on this machine that leads to the proxy, for programs.
    pub(super) async fn door(&self) -> Door {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let proxy = Arc::clone(&self.proxy);
        let mut running = JoinSet::new();
        running.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                let (mut guest, host) = tokio::io::duplex(64 << 10);
                proxy.open(host);
                connections.spawn(async move {
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut guest).await;
                });
            }
        });
        Door { address, _running: running }
    }
}

/// A port that leads to a proxy.
pub(super) struct Door {
    pub(super) address: SocketAddr,
    _running: JoinSet<()>,
}

pub(super) fn allow(hosts: &[&str]) -> NetworkRule {
    NetworkRule::Allow { hosts: owned(hosts) }
}

pub(super) fn secret(variable: &str, value: &str, hosts: &[&str]) -> SandboxSecret {
    SandboxSecret {
        variable: variable.to_owned(),
        placeholder: format!("mainstay-secret-{variable}"),
        value: value.to_owned().into(),
        hosts: Some(owned(hosts)),
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
