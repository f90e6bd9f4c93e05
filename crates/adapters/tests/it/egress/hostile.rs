//! Machines that mean harm to the proxy.

use mainstay_adapters::sandbox::egress::MAX_CONNECTIONS;
use mainstay_core::port::NetworkRule;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::support::{Bench, Roots, Upstream, secret};

fn open() -> Bench {
    Bench::new(&NetworkRule::Open, &[], &[], &Roots::new())
}

#[tokio::test]
async fn endless_heads_are_cut() {
    for head in ["GET http://a.test/ HTTP/1.1\r\n", "CONNECT ", ""] {
        let mut guest = open().connect();
        let bench = open();
        let mut own = bench.connect();
        own.write_all(head.as_bytes()).await.expect("it is taken");
        let mut sent = 0_usize;
        while own.write_all(&[b'x'; 1_000]).await.is_ok() {
            sent += 1_000;
            assert!(sent < 1 << 20, "an endless head is read on");
        }
        // Its proxy is gone, and so is the connection.
        assert_eq!(guest.read(&mut [0; 9]).await.expect("it ends"), 0);
    }
    let headers: String = (0..300).map(|n| format!("x-{n}: 1\r\n")).collect();
    let answer = open().say(&format!("GET http://a.test/ HTTP/1.1\r\n{headers}\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn nonsense_is_answered_or_closed() {
    for bytes in [
        "\0\0\0\0",
        "\x16\x03\x01\x02\x00\x01",
        "GET\r\n\r\n",
        "CONNECT HTTP/1.1\r\n\r\n",
        "CONNECT : HTTP/1.1\r\n\r\n",
        "CONNECT a.test:99999 HTTP/1.1\r\n\r\n",
        "CONNECT [::1 HTTP/1.1\r\n\r\n",
        "CONNECT a.test:443 HTTP/9.9\r\n\r\n",
        "GET http:// HTTP/1.1\r\n\r\n",
        "GET http://a.test/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "GET http://a.test/ HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let bench = open();
        let mut guest = bench.connect();
        guest.write_all(bytes.as_bytes()).await.expect("it is taken");
        guest.shutdown().await.expect("it is closed");
        let mut answer = Vec::new();
        guest.read_to_end(&mut answer).await.expect("it ends");
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.is_empty()
                || answer.starts_with("HTTP/1.1 4")
                || answer.starts_with("HTTP/1.1 502"),
            "{bytes:?}: {answer}"
        );
    }
}

/// A client that never ends its head is not waited for. The clock of the runtime runs ahead when nothing
/// else is to be done.
#[tokio::test(start_paused = true)]
async fn slow_clients_are_not_waited_for() {
    let bench = open();
    for head in ["", "GET http://a.test/ HT", "GET http://a.test/ HTTP/1.1\r\nX-A: 1\r\n"] {
        let mut guest = bench.connect();
        guest.write_all(head.as_bytes()).await.expect("it is taken");
        let mut answer = String::new();
        guest.read_to_string(&mut answer).await.expect("it ends");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
}

#[tokio::test]
async fn connections_at_once_are_bounded() {
    let bench = open();
    let held: Vec<_> = (0..MAX_CONNECTIONS).map(|_| bench.connect()).collect();
    let answer = bench.say("GET http://a.test/ HTTP/1.1\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 503 Mainstay: more than 128 connections"), "{answer}");
    drop(held);
    loop {
        let answer = bench.say("GET / HTTP/1.1\r\n\r\n").await;
        if answer.starts_with("HTTP/1.1 400") {
            return;
        }
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        tokio::task::yield_now().await;
    }
}

/// One request is sent on; what is hidden behind it is not.
#[tokio::test]
async fn requests_are_not_smuggled() {
    let upstream = Upstream::plain().await;
    let bench = Bench::reaching(&NetworkRule::Open, &[], &["a.test"]);
    let url = format!("http://a.test:{}/1", upstream.port);
    let hidden = "GET /hidden HTTP/1.1\r\nHost: evil.test\r\n\r\n";
    for request in [
        format!("GET {url} HTTP/1.1\r\nHost: a\r\n\r\n{hidden}"),
        format!("POST {url} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc{hidden}"),
        format!(
            "POST {url} HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"
        ),
        format!(
            "POST {url} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n{hidden}"
        ),
    ] {
        bench.say(&request).await;
    }
    let lines: Vec<_> = upstream.asked().into_iter().map(|asked| asked.line).collect();
    assert!(lines.iter().all(|line| line.ends_with("/1")), "{lines:?}");
}

/// A secret with a line break would end its header.
#[tokio::test]
async fn a_secret_cannot_break_out_of_its_header() {
    let roots = Roots::new();
    let upstream = Upstream::tls(&["api.test"], &roots).await;
    let to = format!("api.test:{}", upstream.port);
    let key = secret("KEY", "a\r\nX-Injected: 1", &[&to]);
    let rule = super::support::allow(&[&to]);
    let bench = Bench::with_roots(&rule, &[key], &["api.test"], &roots);
    let guest = bench.tunnel(&to).await.expect("it is let through");
    let name = tokio_rustls::rustls::pki_types::ServerName::try_from("api.test").expect("a name");
    let tls = super::support::connector(bench.proxy.ca_certificate_pem());
    let mut tls = tls.connect(name, guest).await.expect("the proxy's certificate");
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\nX-Key: mainstay-secret-KEY\r\n\r\n"
    );
    tls.write_all(request.as_bytes()).await.expect("it is taken");
    let mut answer = String::new();
    tls.read_to_string(&mut answer).await.expect("it ends");
    assert!(
        answer.starts_with("HTTP/1.1 400") && answer.contains("cannot stand in a header"),
        "{answer}"
    );
    assert!(upstream.asked().is_empty());
}
