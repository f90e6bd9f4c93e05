//! The compute port: a session's isolated machine. Its drivers are not part of this release; the
//! port is here so that an agent that asks for compute is refused by name.

use async_trait::async_trait;
use mainstay_protocol::{EffectId, SessionId};
use serde::{Deserialize, Serialize};

/// What a machine is made from; plain data, journalled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SandboxSpec {
    /// Virtual processors.
    pub cpus: u32,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// Disk, MiB.
    pub disk_mib: u64,
}

/// Names a running machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxHandle {
    /// The driver that runs it.
    pub driver: String,
    /// Its id at the driver.
    pub id: String,
}

/// A command to run in a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecRequest {
    /// The effect it belongs to.
    pub effect: EffectId,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Working folder inside the machine.
    pub cwd: String,
    /// Bound on its run time.
    pub timeout_ms: u64,
}

/// What a command left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecOutput {
    /// Its exit code; none when a signal ended it.
    pub exit_code: Option<i32>,
    /// Standard output, capped.
    pub stdout: Vec<u8>,
    /// Standard error, capped.
    pub stderr: Vec<u8>,
}

/// What a driver can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SandboxCapabilities {
    /// Whether memory images can be saved and restored.
    pub checkpoint: bool,
}

/// Why compute failed, by what is done next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SandboxError {
    /// No driver works here: tell the user how to get one.
    #[error("no isolated compute is available: {0}")]
    Unavailable(String),
    /// A limit of the machine is reached: tell the model.
    #[error("a limit of the sandbox is reached: {0}")]
    LimitReached(String),
    /// The machine is gone: restore it.
    #[error("the sandbox is broken: {0}")]
    Broken(String),
}

/// A driver of isolated machines.
#[async_trait]
pub trait Sandbox: Send + Sync {
    /// What it can do.
    fn capabilities(&self) -> SandboxCapabilities;

    /// Makes a machine for a session.
    async fn create(
        &self,
        session: &SessionId,
        spec: &SandboxSpec,
    ) -> Result<SandboxHandle, SandboxError>;

    /// Runs a command in it.
    async fn exec(
        &self,
        handle: &SandboxHandle,
        request: ExecRequest,
    ) -> Result<ExecOutput, SandboxError>;

    /// Ends it and frees what it held.
    async fn destroy(&self, handle: &SandboxHandle) -> Result<(), SandboxError>;
}
