//! Commands and code for a machine, and what they leave.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use mainstay_protocol::EffectId;
use serde::{Deserialize, Serialize};

use super::Readiness;

/// A command to run in a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecRequest {
    /// The effect it belongs to: asked again under the same id, it is not run a second time.
    pub effect: EffectId,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Working folder inside the machine.
    pub cwd: String,
    /// Variables beside the machine's own.
    pub env: BTreeMap<String, String>,
    /// What it reads from standard input.
    pub stdin: Bytes,
    /// Bound on its run time; then it is killed with everything it started.
    pub timeout_ms: u64,
    /// The most that is kept of each of its two outputs: the first and the last half.
    pub output_limit_bytes: usize,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ExecEnd {
    /// It exited.
    Exited {
        /// With this code.
        code: i32,
    },
    /// A signal ended it.
    Signalled {
        /// Its number.
        signal: i32,
    },
    /// Its time ran out and it was killed.
    TimedOut,
    /// The machine's memory ran out and it was killed.
    OutOfMemory,
}

/// What is kept of a command that a tool ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecRecord {
    /// The command, as it was asked for.
    pub command: String,
    /// Its working folder.
    pub cwd: String,
    /// How it ended.
    pub end: ExecEnd,
    /// Wall time.
    pub duration_ms: u64,
}

/// What a command left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutput {
    /// How it ended.
    pub end: ExecEnd,
    /// Standard output, cut to the limit.
    pub stdout: Bytes,
    /// Standard error, cut to the limit.
    pub stderr: Bytes,
    /// How much of standard output was left out.
    pub stdout_omitted_bytes: u64,
    /// How much of standard error was left out.
    pub stderr_omitted_bytes: u64,
    /// Wall time.
    pub duration_ms: u64,
}

/// A language with a resident interpreter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeLanguage {
    /// Python 3.
    Python,
    /// JavaScript on Node.js.
    Javascript,
}

/// Code for the resident interpreter of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeRequest {
    /// The effect it belongs to.
    pub effect: EffectId,
    /// Whose interpreter.
    pub language: CodeLanguage,
    /// The code; its last expression's value is its result.
    pub source: String,
    /// Bound on its run time; then it is interrupted, and its interpreter restarted if that fails.
    pub timeout_ms: u64,
    /// The most that is kept of each output.
    pub output_limit_bytes: usize,
}

/// What code left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeOutput {
    /// What it printed.
    pub stdout: String,
    /// What it printed to standard error.
    pub stderr: String,
    /// The value of its last expression, in the forms it has.
    pub results: Vec<CodeResult>,
    /// The exception that ended it, as the language shows it.
    pub error: Option<String>,
    /// Whether its variables are gone because the interpreter had to be started (again).
    pub is_fresh: bool,
    /// Wall time.
    pub duration_ms: u64,
}

/// A value in one form: text, a table as HTML, a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeResult {
    /// `text/plain`, `text/html`, `image/png`, `application/json`.
    pub media_type: String,
    /// Its bytes.
    pub data: Bytes,
}

/// What became of a command or code under an effect's id.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate<T> {
    /// It ended, here or while nobody listened, and this is what its session is to know of the machine.
    Ended(T, Readiness),
    /// The machine is there and never saw it.
    NotRun,
    /// The machine is gone, or it was long ago, so nobody knows.
    Gone,
}

/// Shown while a command runs.
pub type OutputSink = Arc<dyn Fn(OutputStream, &[u8]) + Send + Sync>;

/// Which of a command's outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}
