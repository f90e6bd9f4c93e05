//! The server on a real socket.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::support::{ADMIN, Harness};

async fn begin(
    server: &Harness,
) -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinSet<std::io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let mut tasks = tokio::task::JoinSet::new();
    let state = server.state();
    tasks.spawn(async move {
        mainstay_server::serve(listener, state, async { stopped.await.unwrap_or_default() }).await
    });
    (address, stop, tasks)
}

async fn exchange(socket: &mut TcpStream, request: &str) -> String {
    socket.write_all(request.as_bytes()).await.expect("the server reads");
    let mut text = String::new();
    let mut chunk = [0; 4096];
    while !text.contains("\r\n\r\n") {
        let read = socket.read(&mut chunk).await.expect("the server answers");
        assert!(read > 0, "the connection closed after {text:?}");
        text.push_str(&String::from_utf8_lossy(&chunk[..read]));
    }
    text
}

#[tokio::test]
async fn connections_are_kept_and_end_when_the_server_stops() {
    let server = Harness::start().await;
    let (address, stop, mut tasks) = begin(&server).await;
    let mut socket = TcpStream::connect(address).await.expect("the server accepts");
    for _ in 0..3 {
        let answer = exchange(&mut socket, "GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    stop.send(()).expect("the server runs");
    tasks.join_next().await.expect("one task").expect("no panic").expect("no failure");
    assert_eq!(socket.read(&mut [0; 16]).await.expect("a clean end"), 0);
    assert!(TcpStream::connect(address).await.is_err(), "nothing listens any more");
}

#[tokio::test]
async fn a_streams_headers_come_before_its_first_event() {
    let server = Harness::start().await;
    let session = server.session(serde_json::json!({})).await;
    let (address, stop, mut tasks) = begin(&server).await;
    let mut socket = TcpStream::connect(address).await.expect("the server accepts");
    let request = format!(
        "GET /v1/agents/sessions/{session}/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ADMIN}\r\n\r\n"
    );
    let answer = exchange(&mut socket, &request).await;
    assert!(answer.contains("content-type: text/event-stream\r\n"), "{answer}");
    assert!(answer.contains("x-accel-buffering: no\r\n"), "{answer}");
    server.engine.shutdown(0).await;
    stop.send(()).expect("the server runs");
    tasks.join_next().await.expect("one task").expect("no panic").expect("no failure");
}

#[tokio::test]
async fn a_refusal_reaches_a_client_that_is_still_writing() {
    const BODY_BYTES: usize = 20_000_000;
    let server = Harness::start().await;
    let (address, stop, mut tasks) = begin(&server).await;
    for (request, status) in [
        (format!("POST /v1/agents HTTP/1.1\r\nauthorization: Bearer {ADMIN}"), "413 "),
        (format!("POST /v1/nothing HTTP/1.1\r\nauthorization: Bearer {ADMIN}"), "404 "),
        (format!("PUT /v1/agents HTTP/1.1\r\nauthorization: Bearer {ADMIN}"), "405 "),
        ("POST /v1/agents HTTP/1.1\r\nauthorization: Bearer wrong".to_owned(), "401 "),
    ] {
        let mut socket = TcpStream::connect(address).await.expect("the server accepts");
        let head = format!("{request}\r\nhost: x\r\ncontent-length: {BODY_BYTES}\r\n\r\n");
        socket.write_all(head.as_bytes()).await.expect("the server reads");
        let body = vec![b' '; BODY_BYTES];
        socket.write_all(&body).await.expect("the server reads what it has refused");
        let answer = exchange(&mut socket, "").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {answer}");
        // The connection is as good as before.
        let answer = exchange(&mut socket, "GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(answer.contains("200 OK\r\n"), "{answer}");
    }
    stop.send(()).expect("the server runs");
    tasks.join_next().await.expect("one task").expect("no panic").expect("no failure");
}

#[tokio::test]
async fn what_is_no_request_is_no_crash() {
    let server = Harness::start().await;
    let (address, stop, mut tasks) = begin(&server).await;
    let mut socket = TcpStream::connect(address).await.expect("the server accepts");
    let answer = exchange(&mut socket, "\u{1}\u{2} nonsense\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    let mut socket = TcpStream::connect(address).await.expect("the server still accepts");
    let answer = exchange(&mut socket, "GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    drop(socket);
    stop.send(()).expect("the server runs");
    tasks.join_next().await.expect("one task").expect("no panic").expect("no failure");
}
