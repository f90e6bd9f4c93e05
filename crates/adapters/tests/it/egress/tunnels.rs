//! What passes a tunnel, and what does not.

use mainstay_core::port::NetworkRule;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::rustls::pki_types::ServerName;

use super::support::{Bench, Roots, Upstream, allow, connector};

#[tokio::test]
async fn tls_is_tunnelled_untouched() {
    let roots = Roots::new();
    let upstream = Upstream::tls(&["a.test"], &roots).await;
    let to = format!("a.test:{}", upstream.port);
    let bench = Bench::with_roots(&allow(&[&to]), &[], &["a.test"], &roots);
    let guest = bench.tunnel(&to).await.expect("it is let through");
    let name = ServerName::try_from("a.test").expect("a name");
    let mut tls = connector(&roots.pem).connect(name, guest).await.expect("its own certificate");
    tls.write_all(b"GET /x HTTP/1.0\r\n\r\n").await.expect("it is taken");
    let mut answer = String::new();
    tls.read_to_string(&mut answer).await.expect("it ends");
    assert!(answer.contains("GET /x"), "{answer}");
    drop(tls);
    let records = bench.connections(1).await;
    assert_eq!(records[0].refused, None);
    assert!(records[0].sent_bytes > 100 && records[0].received_bytes > 500, "{records:?}");
}

/// Several hosts share an address: the one that was asked for is the one that is spoken to.
#[tokio::test]
async fn another_host_within_a_tunnel_is_refused() {
    let roots = Roots::new();
    let upstream = Upstream::tls(&["a.test", "evil.test"], &roots).await;
    let to = format!("a.test:{}", upstream.port);
    let bench = Bench::with_roots(&allow(&[&to]), &[], &["a.test"], &roots);
    for (name, expected) in [
        ("evil.test", "\"evil.test\" is asked for through a connection to a.test"),
        ("127.0.0.1", "hides which host it asks for"),
    ] {
        let guest = bench.tunnel(&to).await.expect("it is let through");
        let name = ServerName::try_from(name).expect("a name");
        let error = connector(&roots.pem).connect(name, guest).await.expect_err("it is refused");
        assert!(error.to_string().contains("AccessDenied"), "{error}");
        let last = bench.records.after(0).expect("records").pop().expect("a record");
        assert!(last.refused.as_deref().is_some_and(|why| why.contains(expected)), "{last:?}");
    }
    assert!(upstream.asked().is_empty());
    // A rule that lists no hosts has none to be fooled about.
    let bench = Bench::with_roots(&NetworkRule::Open, &[], &["a.test"], &roots);
    let guest = bench.tunnel(&to).await.expect("it is let through");
    let name = ServerName::try_from("evil.test").expect("a name");
    connector(&roots.pem).connect(name, guest).await.expect("it is let through");
}

#[tokio::test]
async fn plain_requests_within_a_tunnel_are_checked_one_by_one() {
    let upstream = Upstream::plain().await;
    let to = format!("a.test:{}", upstream.port);
    let bench = Bench::reaching(&allow(&[&to]), &[], &["a.test"]);
    let mut guest = bench.tunnel(&to).await.expect("it is let through");
    let requests = format!(
        "GET /1 HTTP/1.1\r\nHost: {to}\r\n\r\nGET /2 HTTP/1.1\r\nHost: evil.test\r\n\r\n\
         GET /3 HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\r\n"
    );
    guest.write_all(requests.as_bytes()).await.expect("it is taken");
    let mut answers = String::new();
    guest.read_to_string(&mut answers).await.expect("it ends");
    let statuses: Vec<_> = answers.matches("HTTP/1.1 ").collect();
    assert_eq!(statuses.len(), 3, "{answers}");
    assert!(answers.contains("\"evil.test\" is asked for through a connection to"), "{answers}");
    let lines: Vec<_> = upstream.asked().into_iter().map(|asked| asked.line).collect();
    assert_eq!(lines, ["GET /1", "GET /3"]);
    let mut guest = bench.tunnel(&to).await.expect("it is let through");
    guest.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.expect("it is taken");
    assert_eq!(guest.read(&mut [0; 9]).await.expect("it ends"), 0, "HTTP/2 hides its hosts");
}

/// A server that speaks in these turns: what it says, and what it waits for.
async fn scripted(script: &'static [(&'static str, &'static str)]) -> (u16, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let mut running = JoinSet::new();
    running.spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        for (says, hears) in script {
            stream.write_all(says.as_bytes()).await.expect("it is taken");
            let mut heard = vec![0; hears.len()];
            stream.read_exact(&mut heard).await.expect("it hears");
            assert_eq!(String::from_utf8_lossy(&heard), *hears);
        }
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.expect("it ends");
        stream.write_all(b"then bye").await.expect("it is taken");
    });
    (port, running)
}

async fn hear(guest: &mut (impl tokio::io::AsyncRead + Unpin), text: &str) {
    let mut heard = vec![0; text.len()];
    guest.read_exact(&mut heard).await.expect("it hears");
    assert_eq!(String::from_utf8_lossy(&heard), text);
}

#[tokio::test]
async fn a_server_may_speak_first_and_last() {
    let (port, mut server) = scripted(&[("SSH-2.0-x\r\n", "SSH-2.0-y\r\n"), ("ok", "more")]).await;
    let to = format!("git.test:{port}");
    let bench = Bench::reaching(&allow(&[&to]), &[], &["git.test"]);
    let mut guest = bench.tunnel(&to).await.expect("it is let through");
    hear(&mut guest, "SSH-2.0-x\r\n").await;
    guest.write_all(b"SSH-2.0-y\r\n").await.expect("it is taken");
    hear(&mut guest, "ok").await;
    guest.write_all(b"more").await.expect("it is taken");
    // Half closed: the other half goes on.
    guest.shutdown().await.expect("it is closed");
    let mut rest = String::new();
    guest.read_to_string(&mut rest).await.expect("it ends");
    assert_eq!(rest, "then bye");
    server.join_next().await.expect("one").expect("it heard all");
}

#[tokio::test]
async fn websockets_pass() {
    const ASK: &str = "GET /socket HTTP/1.1\r\n";
    let script: &[(&str, &str)] = &[("", ASK)];
    let (port, mut server) = scripted_socket(script).await;
    let to = format!("ws.test:{port}");
    let bench = Bench::reaching(&allow(&[&to]), &[], &["ws.test"]);
    let mut guest = bench.tunnel(&to).await.expect("it is let through");
    let request = format!(
        "GET /socket HTTP/1.1\r\nHost: {to}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    guest.write_all(request.as_bytes()).await.expect("it is taken");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(guest.read_u8().await.expect("an answer"));
    }
    let head = String::from_utf8(head).expect("text").to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 101") && head.contains("upgrade: websocket"), "{head}");
    assert!(head.contains("sec-websocket-accept: yes"), "{head}");
    hear(&mut guest, "hello").await;
    guest.write_all(b"and back").await.expect("it is taken");
    hear(&mut guest, "and back").await;
    drop(guest);
    server.join_next().await.expect("one").expect("it heard all");
}

/// A server that switches protocols and then repeats what it hears.
async fn scripted_socket(script: &'static [(&'static str, &'static str)]) -> (u16, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let mut running = JoinSet::new();
    running.spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a request"));
        }
        let head = String::from_utf8(head).expect("text");
        assert!(head.starts_with(script[0].1) && head.contains("sec-websocket-key: dGhl"), "{head}");
        let answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                      Sec-WebSocket-Accept: yes\r\n\r\nhello";
        stream.write_all(answer.as_bytes()).await.expect("it is taken");
        let (mut read, mut write) = stream.split();
        tokio::io::copy(&mut read, &mut write).await.expect("it repeats");
    });
    (port, running)
}
