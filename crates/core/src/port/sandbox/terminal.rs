//! Terminals of a machine.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;

use super::{ExecEnd, SandboxError};

/// A command on a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalRequest {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Working folder inside the machine.
    pub cwd: String,
    /// Variables beside the machine's own.
    pub env: BTreeMap<String, String>,
    /// Width.
    pub columns: u16,
    /// Height.
    pub rows: u16,
}

/// What comes from a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TerminalEvent {
    /// It shows this.
    Output(Bytes),
    /// Its command ended.
    Ended(ExecEnd),
}

/// A terminal; dropping it ends what runs on it.
#[async_trait]
pub trait Terminal: Send + Sync {
    /// Waits for what comes next. Cancelling it loses nothing.
    async fn next(&self) -> Result<TerminalEvent, SandboxError>;

    /// Types; waits while the machine has not taken what was typed before.
    async fn write(&self, bytes: Bytes) -> Result<(), SandboxError>;

    /// Tells it its size.
    fn resize(&self, columns: u16, rows: u16);
}
