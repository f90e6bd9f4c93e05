//! Secrets: where they go, and where not.

use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mainstay_adapters::sandbox::egress::Authority;
use mainstay_core::port::NetworkRule;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::rustls::pki_types::ServerName;

use super::support::{Bench, Roots, Upstream, allow, connector, secret};

const VALUE: &str = "sk-very-secret-value";
const PLACEHOLDER: &str = "mainstay-secret-API_KEY";

struct Secretive {
    bench: Bench,
    upstream: Upstream,
    to: String,
}

async fn secretive() -> Secretive {
    let roots = Roots::new();
    let upstream = Upstream::tls(&["api.test", "other.test"], &roots).await;
    let to = format!("api.test:{}", upstream.port);
    let other = format!("other.test:{}", upstream.port);
    let key = secret("API_KEY", VALUE, &[&to]);
    let rule = allow(&[&to, &other]);
    let bench = Bench::with_roots(&rule, &[key], &["api.test", "other.test"], &roots);
    Secretive { bench, upstream, to }
}

impl Secretive {
    /// Sends a request over TLS as a program in the machine would.
    async fn say(&self, request: &str) -> String {
        let guest = self.bench.tunnel(&self.to).await.expect("it is let through");
        let name = ServerName::try_from("api.test").expect("a name");
        let trusted = self.bench.proxy.ca_certificate_pem();
        let mut tls =
            connector(trusted).connect(name, guest).await.expect("the proxy's certificate");
        for part in request.as_bytes().chunks(17) {
            tls.write_all(part).await.expect("it is taken");
            tls.flush().await.expect("it is sent");
        }
        let mut answer = Vec::new();
        tls.read_to_end(&mut answer).await.expect("it ends");
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn head(&self, line: &str) -> String {
        format!("{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.to)
    }
}

#[tokio::test]
async fn headers_get_secrets_and_answers_lose_them() {
    let bench = secretive().await;
    let head = bench.head("GET /a");
    let answer = bench.say(&format!("{head}Authorization: Bearer {PLACEHOLDER}\r\n\r\n")).await;
    let basic = STANDARD.encode(format!("user:{PLACEHOLDER}"));
    bench.say(&format!("{head}Authorization: Basic {basic}\r\nX-Key: {PLACEHOLDER}\r\n\r\n")).await;
    let asked = bench.upstream.asked();
    let header = |index: usize, name: &str| asked[index].headers[name].to_str().expect("text");
    assert_eq!(header(0, "authorization"), format!("Bearer {VALUE}"));
    let basic = STANDARD.encode(format!("user:{VALUE}"));
    assert_eq!(header(1, "authorization"), format!("Basic {basic}"));
    assert_eq!(header(1, "x-key"), VALUE);
    assert!(answer.contains(&format!("x-repeated: Bearer {PLACEHOLDER}")), "{answer}");
    let records = bench.bench.connections(2).await;
    assert_eq!(records[0].secrets, ["API_KEY"]);
    assert!(!format!("{records:?}").contains(VALUE));
}

#[tokio::test]
async fn bodies_get_secrets_however_they_are_cut() {
    let bench = secretive().await;
    let body = format!("{{\"key\": \"{PLACEHOLDER}\", \"again\": \"{PLACEHOLDER}\"}}");
    let expected = body.replace(PLACEHOLDER, VALUE);
    let head = bench.head("POST /b");
    let answer = bench.say(&format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())).await;
    assert!(answer.contains(&body), "the answer repeats it as the machine said it: {answer}");
    assert!(!answer.contains(VALUE), "{answer}");
    let chunks: String = body
        .as_bytes()
        .chunks(5)
        .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk)))
        .collect();
    bench.say(&format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")).await;
    // Too large to be held: sent in chunks.
    let filler = "x".repeat(2 << 20);
    let large = format!("{filler}{PLACEHOLDER}");
    bench.say(&format!("{head}Content-Length: {}\r\n\r\n{large}", large.len())).await;
    let asked = bench.upstream.asked();
    assert_eq!(asked[0].body, expected);
    assert_eq!(asked[0].headers["content-length"], expected.len().to_string());
    assert_eq!(asked[1].body, expected);
    assert_eq!(asked[2].body, format!("{filler}{VALUE}"));
    assert_eq!(bench.bench.connections(3).await[2].secrets, ["API_KEY"]);
}

#[tokio::test]
async fn other_hosts_and_plain_connections_get_placeholders() {
    let bench = secretive().await;
    // Another host, over the same address: the machine speaks to it itself.
    let other = format!("other.test:{}", bench.upstream.port);
    let guest = bench.bench.tunnel(&other).await.expect("it is let through");
    let name = ServerName::try_from("other.test").expect("a name");
    let trusted = bench.bench.proxy.ca_certificate_pem();
    connector(trusted).connect(name, guest).await.expect_err("not the proxy's certificate");
    // The tunnel of the secret's host, but another host in the request.
    let head = format!("GET /a HTTP/1.1\r\nHost: {other}\r\nConnection: close\r\n");
    let answer = bench.say(&format!("{head}Authorization: Bearer {PLACEHOLDER}\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(bench.upstream.asked().is_empty());
    // Without TLS.
    let plain = Upstream::plain().await;
    let to = format!("api.test:{}", plain.port);
    let key = secret("API_KEY", VALUE, &[&to]);
    let bench = Bench::reaching(&NetworkRule::Open, &[key], &["api.test"]);
    let request =
        format!("GET http://{to}/a HTTP/1.1\r\nHost: x\r\nAuthorization: {PLACEHOLDER}\r\n\r\n");
    bench.say(&request).await;
    let mut guest = bench.tunnel(&to).await.expect("it is let through");
    let request = format!("GET /b HTTP/1.0\r\nHost: {to}\r\nAuthorization: {PLACEHOLDER}\r\n\r\n");
    guest.write_all(request.as_bytes()).await.expect("it is taken");
    guest.read_to_end(&mut Vec::new()).await.expect("it ends");
    let asked = plain.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|asked| asked.headers["authorization"] == PLACEHOLDER), "{asked:?}");
}

/// The destination must prove who it is before it gets anything.
#[tokio::test]
async fn a_destination_with_a_wrong_certificate_gets_nothing() {
    let (roots, strangers) = (Roots::new(), Roots::new());
    for (names, issuer) in [(["api.test"], &strangers), (["elsewhere.test"], &roots)] {
        let upstream = Upstream::tls(&names, issuer).await;
        let to = format!("api.test:{}", upstream.port);
        let key = secret("API_KEY", VALUE, &[&to]);
        let bench = Bench::with_roots(&allow(&[&to]), &[key], &["api.test"], &roots);
        let bench = Secretive { bench, upstream, to };
        let head = bench.head("GET /a");
        let answer = bench.say(&format!("{head}Authorization: Bearer {PLACEHOLDER}\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 502") && answer.contains("certificate"), "{answer}");
        assert!(bench.upstream.asked().is_empty());
    }
}

#[test]
fn the_authority_stays_the_same_and_private() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = Authority::open(folder.path()).expect("it is made");
    let again = Authority::open(folder.path()).expect("it is read");
    assert_eq!(first.certificate_pem(), again.certificate_pem());
    assert!(!first.certificate_pem().contains("PRIVATE"));
    let files: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!(files.len(), 1, "no draft is left");
    let file = files[0].as_ref().expect("a file");
    assert_eq!(file.metadata().expect("there").permissions().mode() & 0o777, 0o600);
    std::fs::write(file.path(), "nonsense").expect("it is written");
    let error = Authority::open(folder.path()).err().expect("it is refused").to_string();
    assert!(error.contains("egress-ca.pem") && error.contains("no certificate"), "{error}");
}
