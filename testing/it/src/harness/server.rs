//! The server's process.
//!
//! Invariant: it dies with whoever started it, and each start of one setup listens at the same
//! address, so that clients find it again.

use std::fs::OpenOptions;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;
use url::Url;

use super::binary::mainstay_binary;
use super::http::Target;

/// Bound on a start until the first line, and on a command.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// What servers are started with, each after the other, on one data folder.
#[derive(Debug, Clone)]
pub struct Setup {
    binary: PathBuf,
    folder: PathBuf,
    world_url: String,
    address: SocketAddr,
    key: String,
    /// Further environment variables.
    pub environment: Vec<(String, String)>,
}

impl Setup {
    /// A setup on a folder of its own, whose model and tools are at `world_url`.
    pub async fn new(folder: &Path, world_url: &str) -> anyhow::Result<Self> {
        // Freed at once, and so soon not given to anybody else.
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let mut setup = Self {
            binary: mainstay_binary()?,
            folder: folder.to_owned(),
            world_url: world_url.to_owned(),
            address,
            key: String::new(),
            environment: Vec::new(),
        };
        setup.key =
            setup.run(&["keys", "create", "--name", "tests", "--admin"]).await?.trim().to_owned();
        ensure!(!setup.key.is_empty(), "`mainstay keys create` printed no key");
        Ok(setup)
    }

    /// The data folder.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// What the server logged since the setup was made.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// The server's address and key.
    pub fn target(&self) -> anyhow::Result<Arc<Target>> {
        Target::new(self.address, &self.key)
    }

    /// A command on the data folder; gives what it printed.
    pub async fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = self.command(arguments);
        let output = timeout(START_TIMEOUT, command.output()).await;
        let output =
            output.with_context(|| format!("`mainstay {}` has no end", arguments.join(" ")))?;
        let output = output.with_context(|| format!("start {}", self.binary.display()))?;
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(
            output.status.success(),
            "`mainstay {}` ended with {}: {complaint}",
            arguments.join(" "),
            output.status
        );
        String::from_utf8(output.stdout).context("what a command prints is text")
    }

    /// A command on the data folder, with the environment that servers have and nothing else.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        let host = self.world_url.trim_start_matches("http://");
        command
            .args(arguments)
            .arg("--data-dir")
            .arg(self.data_dir())
            .env_clear()
            .env("HOME", &self.folder)
            .env("OPENAI_BASE_URL", format!("{}/v1", self.world_url))
            .env("OPENAI_API_KEY", "scripted")
            .env("MAINSTAY_TOOLS__PRIVATE_HOSTS_ALLOWED", format!("[\"{host}\"]"))
            .env("MAINSTAY_LOG__FILTER", "warn")
            .env("MAINSTAY_KEY", &self.key)
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join("server.log")
    }
}

/// A server that runs.
pub struct Server {
    child: Child,
    // A server whose output nobody takes could not write to it.
    _stdout: BufReader<ChildStdout>,
    /// The process.
    pub pid: u32,
    /// Its address and key.
    pub target: Arc<Target>,
    /// The setup it was started with.
    pub setup: Setup,
}

impl Server {
    /// Starts a server and waits until it answers.
    pub async fn start(setup: &Setup) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&setup.folder)?;
        let log = OpenOptions::new().create(true).append(true).open(setup.log_file())?;
        let listen = setup.address.to_string();
        let mut command = setup.command(&["serve", "--listen", &listen]);
        command.stdout(Stdio::piped()).stderr(log);
        let mut child =
            command.spawn().with_context(|| format!("start {}", setup.binary.display()))?;
        let mut stdout = BufReader::new(child.stdout.take().context("the server has an output")?);
        let mut line = String::new();
        match timeout(START_TIMEOUT, stdout.read_line(&mut line)).await {
            Ok(read) => read.context("read the server's first line")?,
            Err(_) => bail!(
                "the server printed nothing in {} s: {}",
                START_TIMEOUT.as_secs(),
                setup.log()
            ),
        };
        ensure!(!line.is_empty(), "the server ended at its start: {}", setup.log());
        let ready: Value = serde_json::from_str(&line)
            .with_context(|| format!("the server's first line is {line:?}"))?;
        let url = ready["url"].as_str().context("the server says its url")?;
        let address = socket_address(url)?;
        let pid = ready["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
        let pid = pid.context("the server says its pid")?;
        ensure!(Some(pid) == child.id(), "the server says the pid of another process");
        let target = Target::new(address, &setup.key)?;
        Ok(Self { child, _stdout: stdout, pid, target, setup: setup.clone() })
    }

    /// Kills it without a warning.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("kill the server")
    }

    /// Asks it to stop, as service managers do, and waits until it has.
    pub async fn terminate(mut self, wait: Duration) -> anyhow::Result<ExitStatus> {
        let asked =
            Command::new("sh").args(["-c", &format!("kill -TERM {}", self.pid)]).status().await?;
        ensure!(asked.success(), "send SIGTERM to the server");
        let ended = timeout(wait, self.child.wait()).await;
        ended
            .with_context(|| format!("the server did not stop in {} s", wait.as_secs()))?
            .context("wait for the server")
    }
}

fn socket_address(url: &str) -> anyhow::Result<SocketAddr> {
    let parsed = Url::parse(url).with_context(|| format!("the server says the url {url:?}"))?;
    let addresses = parsed.socket_addrs(|| None).with_context(|| format!("resolve {url}"))?;
    addresses.first().copied().with_context(|| format!("{url} has no address"))
}
