//! Programs that are MCP servers.
//!
//! Invariant: the program leads a process group of its own, and the whole group is killed when the
//! program ends or its value goes, in the moment in which the leader is reaped or before, so that the
//! group's number is still its own.

use std::io;
use std::process::Stdio;

use futures::StreamExt;
use rmcp::RoleClient;
use rmcp::transport::async_rw::AsyncRwTransport;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinSet;
use tokio_util::codec::{FramedRead, LinesCodec};

use crate::tool::settings::McpServerSettings;

/// The longest message of a program, in bytes.
const MAX_MESSAGE_BYTES: usize = 4_194_304;
/// The longest line of a program's log that is kept, in bytes.
const MAX_LOG_LINE_BYTES: usize = 8_192;

/// The program's side of a connection.
pub(super) type StdioTransport = AsyncRwTransport<RoleClient, ChildStdout, ChildStdin>;

/// A running program; it ends with this value.
pub(super) struct Program {
    _tasks: JoinSet<()>,
}

impl Program {
    /// Starts a program of the operator's list.
    pub(super) fn start(
        name: &str,
        settings: &McpServerSettings,
    ) -> io::Result<(Self, StdioTransport)> {
        let mut child = Command::new(&settings.command)
            .args(&settings.args)
            .env_clear()
            .envs(&settings.env)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(errors)) = pipes else {
            return Err(io::Error::other("the program has no pipes"));
        };
        let group =
            Group::led_by(&child).ok_or_else(|| io::Error::other("the program ended at once"))?;
        let mut tasks = JoinSet::new();
        tasks.spawn(keep_log(name.to_owned(), errors));
        tasks.spawn(watch(name.to_owned(), group, child));
        let transport =
            AsyncRwTransport::new(output, input).with_max_line_length(MAX_MESSAGE_BYTES);
        Ok((Self { _tasks: tasks }, transport))
    }
}

/// Waits for the end of a program. What it had started may still hold its pipes, so that whoever
/// waits for an answer would wait in vain: it ends as well.
async fn watch(server: String, group: Group, mut child: Child) {
    // Dropped in the middle, the group goes before the leader is reaped.
    let group = group;
    let ended = child.wait().await;
    drop(group);
    match ended {
        Ok(status) => tracing::warn!(mcp_server = server, %status, "an MCP server ended by itself"),
        Err(error) => tracing::warn!(mcp_server = server, %error, "wait for an MCP server"),
    }
}

/// A process group that is killed when this value goes.
struct Group(Pid);

impl Group {
    fn led_by(child: &Child) -> Option<Self> {
        Pid::from_raw(i32::try_from(child.id()?).ok()?).map(Self)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        match kill_process_group(self.0, Signal::KILL) {
            // The leader was the only member, and is gone.
            Ok(()) | Err(Errno::SRCH) => {}
            Err(error) => {
                tracing::warn!(%error, group = self.0.as_raw_nonzero(), "kill an MCP server's processes");
            }
        }
    }
}

/// Passes on what a program writes to its error stream.
async fn keep_log(server: String, errors: ChildStderr) {
    let mut lines = FramedRead::new(errors, LinesCodec::new_with_max_length(MAX_LOG_LINE_BYTES));
    while let Some(line) = lines.next().await {
        match line {
            Ok(line) => tracing::info!(mcp_server = server, line),
            Err(error) => {
                tracing::debug!(mcp_server = server, %error, "a line of its log was left out");
            }
        }
    }
}
