//! From a byte stream to a machine that answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mainstay_core::port::SandboxError;
use mainstay_guest::{
    Answer, Decoder, Hello as Greeting, Kind, NONCE_BYTES, PROTOCOL_VERSION, Request, Seeker,
    Settings, Welcome, greeting,
};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::connection::{Connection, MAX_QUEUED_FRAMES};
use super::failure::{nonsense, silent};
use super::gate::Gate;
use super::request::{Bounds, ask};
use super::tasks::{Reader, write};

/// How long an agent may take to answer a hello, and then to take over what it is told.
const GREETING_TIMEOUT_MS: u64 = 10_000;

/// How long it may take for what needs no disk.
const QUICK_TIMEOUT_MS: u64 = 30_000;

/// What another conversation may have left under way.
const MAX_DISCARDED_BYTES: usize = 16 * 1024 * 1024;

/// What holds for the machine from this connection on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Variables of every command.
    pub env: BTreeMap<String, String>,
    /// A certificate authority (PEM) that commands trust beside the system's.
    pub ca_pem: Option<String>,
    /// The time, for a machine with a clock of its own.
    pub now_unix_ns: u64,
    /// Fresh randomness, for the machine's own.
    pub entropy: [u8; 64],
    /// Processes at once.
    pub processes: Option<u64>,
    /// After so long without a host the machine ends itself; never when zero.
    pub orphan_timeout: Duration,
}

impl Hello {
    fn greeting(&self) -> Greeting {
        // Of the same freshness as the entropy, and telling nothing of it.
        let digest = Sha256::new().chain_update(b"nonce").chain_update(self.entropy).finalize();
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&digest[..NONCE_BYTES]);
        Greeting { version: PROTOCOL_VERSION, nonce }
    }

    fn settings(self) -> Settings {
        Settings {
            env: self.env,
            ca_pem: self.ca_pem,
            now_unix_ns: self.now_unix_ns,
            entropy: Some(hex::encode(self.entropy)),
            limits: mainstay_guest::Limits { processes: self.processes, ..Default::default() },
            orphan_timeout_ms: u64::try_from(self.orphan_timeout.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// One machine, as long as the connection to its agent holds.
pub struct Machine {
    pub(super) connection: Arc<Connection>,
    boot: u64,
    _tasks: JoinSet<()>,
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Machine").field("boot", &self.boot).finish_non_exhaustive()
    }
}

impl Machine {
    /// Greets the agent at the other end, and sets what holds from now on. A connection that another
    /// host had to the same agent is over with it.
    ///
    /// # Errors
    /// The agent does not answer, or not as this version does.
    pub async fn connect(
        stream: UnixStream,
        hello: Hello,
        gate: Arc<dyn Gate>,
    ) -> Result<Self, SandboxError> {
        let (mut reading, mut writing) = stream.into_split();
        let greeting = hello.greeting();
        let greeted = greet(&mut reading, &mut writing, &greeting);
        let wait = Duration::from_millis(GREETING_TIMEOUT_MS);
        let (welcome, decoder) =
            timeout(wait, greeted).await.map_err(|_| silent("greet a machine"))??;
        let (out, frames) = mpsc::channel(MAX_QUEUED_FRAMES);
        let connection = Arc::new(Connection::new(out));
        let reader =
            Reader { connection: Arc::clone(&connection), decoder, gate, pumps: JoinSet::new() };
        let mut tasks = JoinSet::new();
        tasks.spawn(write(Arc::clone(&connection), writing, frames));
        tasks.spawn(reader.read(reading));
        let machine = Self { connection, boot: welcome.boot, _tasks: tasks };
        let settings = Request::Configure(hello.settings());
        machine.ask("set up a machine", &settings, GREETING_TIMEOUT_MS).await?;
        Ok(machine)
    }

    /// Says anew what holds for the machine.
    ///
    /// # Errors
    /// The agent does not answer.
    pub async fn configure(&self, hello: Hello) -> Result<(), SandboxError> {
        self.quick("set up a machine", &Request::Configure(hello.settings())).await.map(drop)
    }

    /// Another number than before means that the agent was started again, and remembers nothing.
    #[must_use]
    pub fn boot(&self) -> u64 {
        self.boot
    }

    /// Waits until the connection is over.
    pub async fn closed(&self) {
        self.connection.closed().await;
    }

    /// Whether the connection is over.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.connection.reason().is_some()
    }

    /// How the machine is.
    ///
    /// # Errors
    /// The agent does not answer.
    pub async fn health(&self) -> Result<mainstay_guest::Health, SandboxError> {
        match self.quick("look after a machine", &Request::Health).await? {
            Answer::Health(health) => Ok(health),
            _ => Err(nonsense("another answer than the health")),
        }
    }

    /// Ends every command, terminal and interpreter.
    ///
    /// # Errors
    /// The agent does not answer.
    pub async fn reset(&self) -> Result<(), SandboxError> {
        self.quick("reset a machine", &Request::Reset).await.map(|_| ())
    }

    /// Asks the machine to end; whether it does is seen by the driver.
    ///
    /// # Errors
    /// The agent does not answer, and does not hang up either.
    pub async fn shutdown(&self) -> Result<(), SandboxError> {
        match self.quick("shut a machine down", &Request::Shutdown).await {
            Err(error) if !self.is_closed() => Err(error),
            _ => Ok(()),
        }
    }

    pub(super) async fn quick(
        &self,
        attempted: &str,
        request: &Request,
    ) -> Result<Answer, SandboxError> {
        self.ask(attempted, request, QUICK_TIMEOUT_MS).await
    }

    async fn ask(
        &self,
        attempted: &str,
        request: &Request,
        timeout_ms: u64,
    ) -> Result<Answer, SandboxError> {
        let wait = Duration::from_millis(timeout_ms);
        let bounds = Bounds { attempted, wait, max_bytes: 0, sink: None };
        ask(&self.connection, request, None, bounds).await.map(|(answer, _)| answer)
    }
}

async fn greet(
    reading: &mut (impl AsyncReadExt + Unpin),
    writing: &mut (impl AsyncWriteExt + Unpin),
    hello: &Greeting,
) -> Result<(Welcome, Decoder), SandboxError> {
    let broken = |error: std::io::Error| SandboxError::Broken(format!("greet its agent: {error}"));
    // What another conversation left may fill the way back, so both ways go at once.
    let greeting = greeting(hello);
    let greeted = async { writing.write_all(&greeting).await.map_err(broken) };
    let found = async {
        let mut seeker = Seeker::new(&hello.nonce);
        let mut decoder = Decoder::default();
        let mut is_found = false;
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let count = reading.read(&mut buffer).await.map_err(broken)?;
            if count == 0 {
                return Err(SandboxError::Broken("its agent has hung up".to_owned()));
            }
            if is_found {
                decoder.push(&buffer[..count]);
            } else if let Some(rest) = seeker.push(&buffer[..count]) {
                is_found = true;
                decoder.push(&rest);
            } else if seeker.discarded_bytes() > MAX_DISCARDED_BYTES {
                return Err(nonsense("no answer to a hello among much else"));
            }
            if !is_found {
                continue;
            }
            if let Some(frame) = decoder.next_frame().map_err(nonsense)? {
                return welcome(&frame).map(|welcome| (welcome, decoder));
            }
        }
    };
    let ((), found) = tokio::try_join!(greeted, found)?;
    Ok(found)
}

fn welcome(frame: &mainstay_guest::Frame) -> Result<Welcome, SandboxError> {
    let welcome: Option<Welcome> = serde_json::from_slice(&frame.payload).ok();
    match (frame.kind, welcome) {
        (Kind::Welcome, Some(welcome)) if welcome.version == PROTOCOL_VERSION => Ok(welcome),
        (Kind::Welcome, Some(welcome)) => Err(SandboxError::Broken(format!(
            "its agent speaks version {} of the protocol and this server {PROTOCOL_VERSION}; \
             build the image again with `cargo xtask image`",
            welcome.version
        ))),
        _ => Err(nonsense("another answer to a hello than a welcome")),
    }
}
