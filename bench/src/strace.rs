//! Counts a process's flushes from outside, where `strace` is installed.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;

/// Bound on attaching, and on the summary after the end.
const WAIT: Duration = Duration::from_secs(10);

/// A running count.
pub(crate) struct Strace {
    child: Child,
    output: BufReader<ChildStderr>,
}

impl Strace {
    /// Begins to count; none where there is no `strace`, or it may not look.
    pub(crate) async fn attach(pid: u32) -> Option<Self> {
        let mut command = Command::new("strace");
        command.args([
            "-f",
            "-c",
            "-U",
            "calls,name",
            "-e",
            "trace=fsync,fdatasync,sync_file_range,msync",
        ]);
        command.args(["-p", &pid.to_string()]).stderr(Stdio::piped()).stdin(Stdio::null());
        let mut child = command.kill_on_drop(true).spawn().ok()?;
        let mut output = BufReader::new(child.stderr.take()?);
        let mut line = String::new();
        let attached = timeout(WAIT, output.read_line(&mut line)).await;
        (attached.is_ok_and(|read| read.is_ok()) && line.contains("attached"))
            .then_some(Self { child, output })
    }

    /// Ends the count: how many flushes there were.
    pub(crate) async fn finish(mut self) -> anyhow::Result<u64> {
        let pid = self.child.id().context("strace has ended by itself")?;
        let asked = Command::new("sh").args(["-c", &format!("kill -INT {pid}")]).status().await?;
        ensure!(asked.success(), "send SIGINT to strace");
        let mut text = String::new();
        timeout(WAIT, self.output.read_to_string(&mut text))
            .await
            .context("strace does not end")??;
        self.child.wait().await?;
        let count = |line: &str| {
            let mut words = line.split_whitespace();
            let calls: u64 = words.next()?.parse().ok()?;
            (words.next()? != "total").then_some(calls)
        };
        Ok(text.lines().filter_map(count).sum())
    }
}
