//! `POST /v1/sandboxes/{sandbox}/exec`: a command of an operator, beside the session's turns.
//!
//! Invariant: who ran it and how it ended are in the journal. A client that leaves ends it.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use mainstay_core::port::{ExecEnd, ExecOutput, OutputStream, WORKSPACE};
use mainstay_protocol::{ApiError, EffectId, ErrorCode, Scope};
use mainstay_runtime::{ExecPiece, OperatorCommand, RunningExec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;

use super::find::find;
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::{Checked, Ids};
use crate::limits::KEEP_ALIVE_MS;
use crate::openai::wire::{At, ErrorObject, SSE_KEEP_ALIVE, Validate};
use crate::openapi::{Doc, schema_of};
use crate::sse::{self, Frames};
use crate::state::AppState;

/// A command's time unless it asks for another.
const DEFAULT_TIMEOUT_MS: u64 = 120_000;
/// The most time that a command may ask for.
const MAX_TIMEOUT_MS: u64 = 1_800_000;
/// What is kept of each of a command's outputs.
const OUTPUT_LIMIT_BYTES: usize = 1_048_576;
/// The most that program, arguments and variables may have together.
const MAX_COMMAND_BYTES: usize = 65_536;
/// The most that a command reads from standard input.
const MAX_INPUT_BYTES: usize = 1_048_576;
const MAX_ARGUMENTS: usize = 1_024;

/// `POST /v1/sandboxes/{sandbox}/exec`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SandboxExecParams")]
pub(crate) struct ExecParams {
    /// Program and arguments. No shell reads them.
    #[schemars(length(min = 1, max = MAX_ARGUMENTS))]
    command: Vec<String>,
    /// Working folder.
    #[serde(default)]
    cwd: Option<String>,
    /// Variables beside the machine's own. The journal does not have them.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// What it reads from standard input.
    #[serde(default)]
    stdin: String,
    /// Bound on its run time.
    #[serde(default = "default_timeout")]
    #[schemars(range(min = 1, max = MAX_TIMEOUT_MS))]
    timeout_ms: u64,
    /// Whether its outputs are events as they come.
    #[serde(default)]
    stream: bool,
}

fn default_timeout() -> u64 {
    DEFAULT_TIMEOUT_MS
}

impl Validate for ExecParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        let size = self.command.iter().chain(self.env.keys()).chain(self.env.values());
        let size: usize = size.map(String::len).sum();
        let texts = self.command.iter().chain(self.env.values()).chain(&self.cwd);
        if self.command.is_empty() || self.command.len() > MAX_ARGUMENTS {
            return Err(at.field("command").invalid(format!("is not 1 to {MAX_ARGUMENTS} texts")));
        }
        if self.command[0].is_empty() || size > MAX_COMMAND_BYTES {
            let message = format!("names no program, or is longer than {MAX_COMMAND_BYTES} bytes");
            return Err(at.field("command").invalid(message));
        }
        if texts.chain(self.env.keys()).any(|text| text.contains('\0')) {
            return Err(at.field("command").invalid("has a zero byte in it"));
        }
        if self.env.keys().any(|name| name.is_empty() || name.contains('=')) {
            return Err(at.field("env").invalid("has a name that is none"));
        }
        if self.cwd.as_deref().is_some_and(|cwd| !cwd.starts_with('/')) {
            return Err(at.field("cwd").invalid("is not absolute"));
        }
        if self.stdin.len() > MAX_INPUT_BYTES {
            let message = format!("is longer than {MAX_INPUT_BYTES} bytes; write a file");
            return Err(at.field("stdin").invalid(message));
        }
        if !(1..=MAX_TIMEOUT_MS).contains(&self.timeout_ms) {
            return Err(at.field("timeout_ms").invalid(format!("is not 1 to {MAX_TIMEOUT_MS}")));
        }
        Ok(())
    }
}

/// What a command left.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SandboxExec")]
pub(crate) struct ExecObject {
    /// Names it in the journal.
    id: String,
    object: &'static str,
    /// `exited`, `signalled`, `timed_out` or `out_of_memory`.
    end: &'static str,
    /// Its exit code; null when it did not exit by itself.
    exit_code: Option<i32>,
    /// The signal that ended it.
    signal: Option<i32>,
    /// Standard output: its first and last half when something is left out.
    stdout: String,
    /// Standard error, likewise.
    stderr: String,
    stdout_omitted_bytes: u64,
    stderr_omitted_bytes: u64,
    duration_ms: u64,
}

impl ExecObject {
    fn new(effect: &EffectId, output: &ExecOutput) -> Self {
        let (end, exit_code, signal) = match output.end {
            ExecEnd::Exited { code } => ("exited", Some(code), None),
            ExecEnd::Signalled { signal } => ("signalled", None, Some(signal)),
            ExecEnd::TimedOut => ("timed_out", None, None),
            ExecEnd::OutOfMemory => ("out_of_memory", None, None),
        };
        Self {
            id: effect.to_string(),
            object: "sandbox.exec",
            end,
            exit_code,
            signal,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            stdout_omitted_bytes: output.stdout_omitted_bytes,
            stderr_omitted_bytes: output.stderr_omitted_bytes,
            duration_ms: output.duration_ms,
        }
    }
}

/// What happens to a command. A piece that a slow reader missed is in the outcome.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "type")]
#[schemars(rename = "SandboxExecEvent")]
enum ExecEvent {
    /// It is in the journal, and begins.
    #[serde(rename = "sandbox.exec.begun")]
    Begun { id: String },
    /// It printed something.
    #[serde(rename = "sandbox.exec.output")]
    Output { stream: StreamName, delta: String },
    /// It ended.
    #[serde(rename = "sandbox.exec.ended")]
    Ended { exec: ExecObject },
    /// It could not be run, or what became of it is not known.
    #[serde(rename = "error")]
    Error { error: ErrorObject },
}

/// Which output.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum StreamName {
    Stdout,
    Stderr,
}

/// Its entry in the document of the API.
pub(crate) const EXEC: Doc = Doc::new("execInSandbox", "Run a command in a session's machine")
    .answers(schema_of::<ExecObject>)
    .streams(schema_of::<ExecEvent>)
    .scope(Scope::Admin)
    .extension();

/// Runs the command. With `stream` the answer is events, else what it left.
pub(crate) async fn exec(
    State(state): State<AppState>,
    caller: Caller,
    Ids(sandbox): Ids<String>,
    request: Checked<ExecParams>,
) -> Answer<Response> {
    caller.require(Scope::Admin)?;
    let row = find(&state, &caller.0, &sandbox).await?;
    let permit = state.admit_stream()?;
    let params = request.value;
    let command = OperatorCommand {
        argv: params.command,
        cwd: params.cwd.unwrap_or_else(|| WORKSPACE.to_owned()),
        env: params.env,
        stdin: Bytes::from(params.stdin),
        timeout_ms: params.timeout_ms,
        output_limit_bytes: OUTPUT_LIMIT_BYTES,
    };
    let running = state.engine().exec_in_sandbox(&caller.0, &row.id, command).await?;
    if params.stream {
        let stage = Stage::Begun;
        return Ok(sse::answer(Follower { state, running, stage, _permit: permit }));
    }
    let RunningExec { effect, mut pieces, outcome } = running;
    pieces.close();
    let output = outcome.await.unwrap_or_else(|_| Err(stopping()))?;
    Ok(Json(ExecObject::new(&effect, &output)).into_response())
}

fn stopping() -> ApiError {
    ApiError::new(ErrorCode::ShuttingDown, "the server is stopping")
}

/// One open stream.
struct Follower {
    state: AppState,
    running: RunningExec,
    stage: Stage,
    _permit: OwnedSemaphorePermit,
}

#[derive(Clone, Copy)]
enum Stage {
    Begun,
    Running,
    Over,
}

impl Frames for Follower {
    async fn next(&mut self) -> Option<Bytes> {
        match self.stage {
            Stage::Begun => {
                self.stage = Stage::Running;
                Some(frame(&ExecEvent::Begun { id: self.running.effect.to_string() }))
            }
            Stage::Running => Some(self.running().await),
            Stage::Over => None,
        }
    }
}

impl Follower {
    async fn running(&mut self) -> Bytes {
        let clock = self.state.engine().clock();
        let deadline = clock.now_ms().saturating_add(KEEP_ALIVE_MS);
        let RunningExec { effect, pieces, outcome } = &mut self.running;
        tokio::select! {
            biased;
            // The queue ends with the command: what it has is shown before the outcome.
            Some(ExecPiece { stream, text }) = pieces.recv() => {
                let stream = match stream {
                    OutputStream::Stdout => StreamName::Stdout,
                    OutputStream::Stderr => StreamName::Stderr,
                };
                frame(&ExecEvent::Output { stream, delta: text })
            }
            outcome = outcome => {
                self.stage = Stage::Over;
                match outcome.unwrap_or_else(|_| Err(stopping())) {
                    Ok(output) => {
                        frame(&ExecEvent::Ended { exec: ExecObject::new(effect, &output) })
                    }
                    Err(error) => frame(&ExecEvent::Error { error: ErrorObject::from(&error) }),
                }
            }
            () = clock.sleep_until(deadline) => Bytes::from_static(SSE_KEEP_ALIVE),
        }
    }
}

fn frame(event: &ExecEvent) -> Bytes {
    let kind = match event {
        ExecEvent::Begun { .. } => "sandbox.exec.begun",
        ExecEvent::Output { .. } => "sandbox.exec.output",
        ExecEvent::Ended { .. } => "sandbox.exec.ended",
        ExecEvent::Error { .. } => "error",
    };
    let data = serde_json::to_string(event).expect("texts and numbers serialise");
    Bytes::from(format!("event: {kind}\ndata: {data}\n\n"))
}
