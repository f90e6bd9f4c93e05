//! Connections of the machine to its local proxy.

use std::sync::Arc;

use mainstay_adapters::sandbox::Gate;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;

use crate::support::{Guest, connect, shell, shown};

/// Hands every connection to the test.
struct Open(mpsc::Sender<DuplexStream>);

impl Gate for Open {
    fn open(&self, io: DuplexStream) {
        self.0.try_send(io).expect("the test takes them");
    }
}

const CLIENT: &str = "import socket,sys
s = socket.create_connection(('127.0.0.1', 3128))
";

#[tokio::test]
async fn a_connection_carries_both_ways_and_half_closes() {
    let guest = Guest::start();
    let (sender, mut opened) = mpsc::channel(100);
    let machine = connect(&guest.socket(), Arc::new(Open(sender))).await;
    // It sends all before it reads, and ends its half; what comes back is more than all buffers hold.
    let script = format!(
        "{CLIENT}s.sendall(b'x' * 3000000); s.shutdown(socket.SHUT_WR)\nn = 0\nwhile d := s.recv(65536): n += len(d)\nprint(n)"
    );
    std::fs::write(guest.workspace().join("client.py"), script).expect("write");
    let serve = async {
        let mut io = opened.recv().await.expect("a connection");
        let mut sent = Vec::new();
        io.read_to_end(&mut sent).await.expect("read");
        assert_eq!(sent.len(), 3_000_000);
        io.write_all(&vec![b'y'; 5_000_000]).await.expect("write");
    };
    let (output, ()) = tokio::join!(machine.exec(shell("1", "python3 client.py"), None), serve);
    assert_eq!(shown(&output.expect("run")), "Exited { code: 0 } [5000000\n] []");
}

#[tokio::test]
async fn connections_are_bounded_and_given_back() {
    let guest = Guest::start();
    let (sender, mut opened) = mpsc::channel(100);
    let machine = connect(&guest.socket(), Arc::new(Open(sender))).await;
    let script = "import socket
def ask(s):
    try:
        s.settimeout(5); s.sendall(b'?'); return len(s.recv(1))
    except OSError: return 0
def round():
    all = [socket.create_connection(('127.0.0.1', 3128)) for n in range(70)]
    served = sum(ask(s) for s in all)
    for s in all: s.close()
    return served
print(round())
# Those that were closed are given back a moment later.
for n in range(2):
    while (served := round()) != 64: assert served < 64
    print(served)
";
    std::fs::write(guest.workspace().join("client.py"), script).expect("write");
    let mut serving = tokio::task::JoinSet::new();
    let accept = async {
        while let Some(mut io) = opened.recv().await {
            serving.spawn(async move {
                let mut byte = [0];
                while let Ok(1) = io.read(&mut byte).await {
                    if io.write_all(b"!").await.is_err() {
                        return;
                    }
                }
            });
        }
    };
    let output = tokio::select! {
        output = machine.exec(shell("1", "python3 client.py"), None) => output.expect("run"),
        () = accept => panic!("the gate stays"),
    };
    assert_eq!(shown(&output), "Exited { code: 0 } [64\n64\n64\n] []");
}

#[tokio::test]
async fn a_connection_that_the_gate_refuses_is_closed() {
    let guest = Guest::start();
    let machine = guest.connect().await;
    let script = format!("{CLIENT}print(s.recv(1))");
    std::fs::write(guest.workspace().join("client.py"), script).expect("write");
    let output = machine.exec(shell("1", "python3 client.py"), None).await.expect("run");
    assert_eq!(shown(&output), "Exited { code: 0 } [b''\n] []");
}

#[tokio::test]
async fn a_slow_gate_holds_up_nothing_else() {
    let guest = Guest::start();
    let (sender, mut opened) = mpsc::channel(100);
    let machine = connect(&guest.socket(), Arc::new(Open(sender))).await;
    let script = format!("{CLIENT}open('begun', 'w')\nwhile True: s.sendall(b'x' * 65536)");
    std::fs::write(guest.workspace().join("client.py"), script).expect("write");
    let flooding = machine.exec(shell("1", "exec python3 client.py"), None);
    let meanwhile = async {
        let held = opened.recv().await.expect("a connection");
        for n in 0..20 {
            let output = machine.exec(shell(&format!("m{n}"), "echo ok"), None).await.expect("run");
            assert_eq!(shown(&output), "Exited { code: 0 } [ok\n] []");
        }
        drop(held);
    };
    // With its connection gone the client ends.
    let (output, ()) = tokio::join!(flooding, meanwhile);
    assert_eq!(output.expect("run").end, mainstay_core::port::ExecEnd::Exited { code: 1 });
}
