//! Guests and hosts that do not keep to the protocol.

use std::sync::{Arc, Mutex};

use mainstay_adapters::sandbox::{Gate, Machine};
use mainstay_core::port::SandboxError;
use mainstay_guest::{
    Decoder, Done, Frame, Hello, Kind, MAX_PAYLOAD_BYTES, PROTOCOL_VERSION, Request, WINDOW_BYTES,
    Welcome, encode, greeting, welcoming,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::UnixStream;

use crate::support::{Guest, Shut, command, hello, shell, shown};

/// More than a host takes of a connection that nobody reads.
const FLOOD_WINDOWS: usize = 4;

/// Takes connections and reads nothing of them.
#[derive(Default)]
struct Deaf(Mutex<Vec<DuplexStream>>);

impl Gate for Deaf {
    fn open(&self, io: DuplexStream) {
        self.0.lock().expect("no panic").push(io);
    }
}

/// A guest of our own making: it greets as it should, and then says what the test wants.
struct Fake {
    stream: UnixStream,
    decoder: Decoder,
}

impl Fake {
    fn pair() -> (UnixStream, Self) {
        let (host, guest) = UnixStream::pair().expect("a pair");
        (host, Self { stream: guest, decoder: Decoder::default() })
    }

    async fn next(&mut self) -> Frame {
        let mut buffer = vec![0; 4096];
        loop {
            if let Some(frame) = self.decoder.next_frame().expect("the host keeps to the protocol")
            {
                return frame;
            }
            let count = self.stream.read(&mut buffer).await.expect("read");
            assert!(count > 0, "the host goes on");
            self.decoder.push(&buffer[..count]);
        }
    }

    async fn say(&mut self, bytes: &[u8]) {
        // A host that has heard enough hangs up.
        let _ = self.stream.write_all(bytes).await;
    }

    /// Says no more, and hears the host out: hanging up on it could take what was said back.
    async fn leave(&mut self) {
        let _ = self.stream.shutdown().await;
        let mut rest = Vec::new();
        let _ = self.stream.read_to_end(&mut rest).await;
    }

    async fn welcome(&mut self, version: u32) {
        let frame = self.next().await;
        let hello: Hello = serde_json::from_slice(&frame.payload).expect("a hello");
        self.say(&welcoming(&hello, &Welcome { version, boot: 1 })).await;
    }

    /// Answers until the test's own request, and gives the number of its channel.
    async fn set_up(&mut self) -> u32 {
        self.welcome(PROTOCOL_VERSION).await;
        loop {
            let frame = self.next().await;
            match (frame.kind, serde_json::from_slice(&frame.payload)) {
                (Kind::Open, Ok(Request::Configure(_))) => {
                    let done = serde_json::to_vec(&Done::Ok(mainstay_guest::Answer::Done));
                    self.say(&said(Kind::Result, frame.channel, &done.expect("JSON"))).await;
                }
                (Kind::Open, _) => return frame.channel,
                _ => {}
            }
        }
    }
}

fn said(kind: Kind, channel: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode(kind, channel, payload, &mut out);
    out
}

/// What a host makes of a guest that answers a command with these bytes and hangs up.
async fn answered_with(answer: impl FnOnce(u32) -> Vec<u8>) -> SandboxError {
    let (host, mut guest) = Fake::pair();
    let serve = async move {
        let channel = guest.set_up().await;
        guest.say(&answer(channel)).await;
        guest.leave().await;
    };
    let ask = async {
        let gate = Arc::new(Deaf::default());
        let machine = Machine::connect(host, hello(), gate).await.expect("greet");
        machine.exec(command("1", &["true"]), None).await.expect_err("it is no answer")
    };
    tokio::join!(ask, serve).0
}

#[tokio::test]
async fn a_guest_that_breaks_the_protocol_is_told_apart_and_left() {
    async fn check(answer: impl FnOnce(u32) -> Vec<u8>, expected: &str) {
        let error = answered_with(answer).await;
        let text = expected
            .strip_prefix('!')
            .map_or_else(|| format!("its agent broke the protocol: {expected}"), str::to_owned);
        assert_eq!(error, SandboxError::Broken(text));
    }
    check(|_| vec![], "!its agent has hung up").await;
    check(|c| said(Kind::Data, c, b"half")[..12].to_vec(), "!its agent has hung up").await;
    check(|_| b"HTTP/1.1 200 OK".to_vec(), "a frame begins with the byte 0x48 instead of 0xa5")
        .await;
    check(|_| said(Kind::Data, 9, b""), "a channel that is not open (Data, channel 9)").await;
    check(|_| said(Kind::Welcome, 0, b""), "a channel that is not open (Welcome, channel 0)").await;
    let long = |c| {
        let mut frame = said(Kind::Data, c, b"");
        frame[8] = 0xff;
        frame
    };
    check(long, "a frame of 4278190080 bytes is longer than 32768").await;
    check(|c| said(Kind::Result, c, b"{}"), "no result (Result, channel 3)").await;
    check(
        |c| said(Kind::Result, c, br#"{"ok":{"type":"list"}}"#),
        "another answer than the end of a command",
    )
    .await;
    let sizes = br#"{"ok":{"type":"exec","end":{"type":"exited","code":0},"stdout_bytes":18446744073709551615,"stderr_bytes":1,"stdout_omitted_bytes":0,"stderr_omitted_bytes":0,"duration_ms":1}}"#;
    check(|c| said(Kind::Result, c, sizes), "outputs of another size than it says").await;
    check(
        |_| [said(Kind::Open, 2, b""), said(Kind::End, 2, b""), said(Kind::End, 2, b"")].concat(),
        "a second end (End, channel 2)",
    )
    .await;
    check(
        |_| [said(Kind::Open, 2, b""), said(Kind::End, 2, b""), said(Kind::Data, 2, b"x")].concat(),
        "data behind its end (Data, channel 2)",
    )
    .await;
    check(
        |c| said(Kind::Credit, c, &[1, 0, 0, 0]),
        "more credit than a window (Credit, channel 3)",
    )
    .await;
    check(|c| said(Kind::Credit, c, &[1]), "no amount of credit (Credit, channel 3)").await;
    check(|c| said(Kind::Close, c, b""), "a frame that has no place there (Close, channel 3)")
        .await;
    check(|_| said(Kind::Open, 5, b""), "a channel with a number of the host (Open, channel 5)")
        .await;
    check(
        |_| [said(Kind::Open, 2, b""), said(Kind::Open, 2, b"")].concat(),
        "a channel that is open (Open, channel 2)",
    )
    .await;
    let flood = |_| {
        [
            said(Kind::Open, 2, b""),
            said(Kind::Data, 2, &[0; MAX_PAYLOAD_BYTES])
                .repeat(FLOOD_WINDOWS * WINDOW_BYTES / MAX_PAYLOAD_BYTES),
        ]
        .concat()
    };
    check(flood, "data without credit (Data, channel 2)").await;
    let many = |_| (1..200).flat_map(|n| said(Kind::Open, 2 * n, b"")).collect();
    check(many, "more connections than it may have (Open, channel 162)").await;
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_never_answers_costs_a_time_out() {
    let (host, mut guest) = Fake::pair();
    let greeted = Machine::connect(host, hello(), Arc::new(Shut)).await.expect_err("silence");
    assert_eq!(
        greeted,
        SandboxError::Broken("greet a machine: its agent did not answer in time".to_owned())
    );
    drop(guest.stream);
    let (host, other) = Fake::pair();
    guest = other;
    let serve = async {
        guest.set_up().await;
        // Output without end is no answer either.
        loop {
            guest.say(&said(Kind::LiveStdout, 3, &[0; 100])).await;
            guest.next().await;
        }
    };
    let ask = async {
        let machine = Machine::connect(host, hello(), Arc::new(Shut)).await.expect("greet");
        machine.health().await.expect_err("silence")
    };
    let error = tokio::select! {
        error = ask => error,
        () = serve => unreachable!("it never ends"),
    };
    assert_eq!(
        error,
        SandboxError::Broken("look after a machine: its agent did not answer in time".to_owned())
    );
}

#[tokio::test]
async fn a_guest_of_another_version_or_of_none_is_said() {
    let (host, mut guest) = Fake::pair();
    let (error, ()) =
        tokio::join!(Machine::connect(host, hello(), Arc::new(Shut)), guest.welcome(99));
    let text = "its agent speaks version 99 of the protocol and this server 1; build the image again with `cargo xtask image`";
    assert_eq!(error.expect_err("refuse"), SandboxError::Broken(text.to_owned()));
    let (host, mut guest) = Fake::pair();
    let flood = async {
        loop {
            if guest.stream.write_all(&[0xA5; 65536]).await.is_err() {
                return;
            }
        }
    };
    let (error, ()) = tokio::join!(Machine::connect(host, hello(), Arc::new(Shut)), flood);
    let text = "its agent broke the protocol: no answer to a hello among much else";
    assert_eq!(error.expect_err("refuse"), SandboxError::Broken(text.to_owned()));
}

/// Bytes that are sometimes nearly frames.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let frame = (1_u8..14, 0_u32..8, proptest::collection::vec(any::<u8>(), 0..64));
    let nearly = frame.prop_map(|(kind, channel, payload)| {
        let mut bytes = said(Kind::Data, channel, &payload);
        bytes[9] = kind;
        bytes
    });
    let piece = prop_oneof![3 => nearly, 1 => proptest::collection::vec(any::<u8>(), 0..64)];
    proptest::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_host_survives_any_bytes(noise in noise()) {
        let error = block_on(answered_with(|_| noise));
        prop_assert!(matches!(error, SandboxError::Broken(_)), "{error:?}");
    }
}

#[tokio::test]
async fn the_agent_survives_any_host() {
    let guest = Guest::start();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let hello_bytes = greeting(&Hello { version: 1, nonce: [1; 16] });
    let over_credit = [
        said(Kind::Open, 1, br#"{"op":"exec_fate","effect":"x"}"#),
        said(Kind::Open, 3, br#"{"op":"write_file","path":"/workspace/x"}"#),
        said(Kind::Data, 3, &[7; MAX_PAYLOAD_BYTES]).repeat(100),
    ]
    .concat();
    let mut all = vec![
        said(Kind::Head, 1, &[b'x'; MAX_PAYLOAD_BYTES]).repeat(200),
        (0..400)
            .flat_map(|n| said(Kind::Open, 2 * n + 1, br#"{"op":"exec_fate","effect":"x"}"#))
            .collect(),
        over_credit,
        said(Kind::Open, 1, b"[[[[[[[["),
        said(Kind::Open, 2, br#"{"op":"health"}"#),
        greeting(&Hello { version: 1, nonce: [2; 16] }).repeat(30),
    ];
    for _ in 0..60 {
        all.push(noise().new_tree(&mut runner).expect("a value").current());
    }
    for bytes in all {
        let mut stream = UnixStream::connect(guest.socket()).await.expect("connect");
        let whole = [hello_bytes.clone(), bytes].concat();
        // What comes back is read, or the agent would have nobody to tell.
        let (mut reading, mut writing) = stream.split();
        let mut seen = vec![0; 1 << 16];
        let send = async { writing.write_all(&whole).await };
        tokio::pin!(send);
        loop {
            tokio::select! {
                sent = &mut send => { let _ = sent; break }
                count = reading.read(&mut seen) => if count.unwrap_or(0) == 0 { break },
            }
        }
    }
    let machine = guest.connect().await;
    let output = machine.exec(shell("last", "echo ok"), None).await.expect("run");
    assert_eq!(shown(&output), "Exited { code: 0 } [ok\n] []");
    assert_eq!(std::fs::read_dir(guest.workspace()).expect("look").count(), 0, "nothing is left");
}
