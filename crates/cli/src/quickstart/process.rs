//! The server as a process of its own.
//!
//! Invariant: it dies with the quickstart, whatever happens.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail};
use mainstay_core::port::Clock;
use mainstay_runtime::SystemClock;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::config::Environment;
use crate::folder::Running;

/// How long the server may take until it answers.
const START_TIMEOUT_MS: u64 = 60_000;

/// How the server is started.
pub(super) struct Launch {
    /// This binary.
    pub(super) program: PathBuf,
    /// The configuration that was written for it.
    pub(super) config: PathBuf,
    /// Where its log goes.
    pub(super) log: PathBuf,
    /// Settings in the environment that the configuration has already.
    pub(super) settled: Vec<String>,
}

/// A running server.
pub(super) struct Server {
    child: Child,
    /// What it said of itself.
    pub(super) running: Running,
    /// How long it took to answer.
    pub(super) started_in_ms: u64,
}

impl Launch {
    pub(super) fn new(
        folder: &Path,
        config: PathBuf,
        environment: &Environment,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            program: std::env::current_exe().context("find this program's own file")?,
            config,
            log: folder.join("server.log"),
            settled: environment.settings().map(|setting| setting.variable.to_owned()).collect(),
        })
    }

    /// Starts the server and waits until it answers.
    pub(super) async fn start(&self, listen: Option<&str>) -> anyhow::Result<Server> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.with_context(|| format!("open {}", self.log.display()))?;
        let began_ms = SystemClock.now_ms();
        let mut command = Command::new(&self.program);
        command.arg("serve").arg("--config").arg(&self.config);
        if let Some(listen) = listen {
            command.args(["--listen", listen]);
        }
        for variable in &self.settled {
            command.env_remove(variable);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        // Whoever presses ^C means the quickstart, which then stops its server itself.
        command.process_group(0);
        let mut child = command.spawn().context("start the server")?;
        let stdout = child.stdout.take().context("read what the server says")?;
        let mut line = String::new();
        let mut reader = BufReader::new(stdout);
        tokio::select! {
            read = reader.read_line(&mut line) => read.context("read what the server says")?,
            () = SystemClock.sleep_until(began_ms + START_TIMEOUT_MS) => {
                bail!("the server did not answer within {START_TIMEOUT_MS} ms");
            }
        };
        let Ok(running) = serde_json::from_str(&line) else {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            let last: Vec<&str> = log.lines().rev().take(3).collect();
            let last: Vec<&str> = last.into_iter().rev().collect();
            bail!("the server did not start:\n{}", last.join("\n"));
        };
        let started_in_ms = SystemClock.now_ms().saturating_sub(began_ms);
        Ok(Server { child, running, started_in_ms })
    }
}

impl Server {
    /// Where it listens, for the next one to listen there too.
    pub(super) fn listen(&self) -> String {
        self.running.url.trim_start_matches("http://").to_owned()
    }

    /// Kills it with SIGKILL: it can do nothing about it and nothing after it.
    pub(super) async fn kill(mut self) -> anyhow::Result<()> {
        self.child.start_kill().context("kill the server")?;
        self.child.wait().await.context("wait for the server's end")?;
        Ok(())
    }

    /// Asks it to stop, and waits until it has.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        self.child.wait().await.context("wait for the server's end")?;
        Ok(())
    }
}
