//! `shell`: a command in the session's machine.

use std::collections::BTreeMap;

use bytes::Bytes;
use mainstay_core::port::{
    ExecOutput, ExecRecord, ExecRequest, Fate, Readiness, Reconciliation, SandboxRequest,
    Sandboxes, ToolCall, ToolError, ToolOutput, WORKSPACE,
};
use mainstay_core::tool::{Safety, ToolSpec};
use serde::Deserialize;
use serde_json::json;

use super::answer::{answer, exec_text, failed, failed_call};
use super::files::machine_path;
use crate::tool::output::bounded_error;
use crate::tool::spec::Draft;

/// The tool's name.
pub(super) const SHELL: &str = "shell";
/// A command's time unless it asks for another.
const DEFAULT_COMMAND_MS: u64 = 120_000;
/// The most time that a command may ask for.
pub(super) const MAX_COMMAND_MS: u64 = 1_800_000;
/// What an attempt may take beyond its command: a machine may have to be made first.
pub(super) const MACHINE_ROOM_MS: u64 = 180_000;
/// What is kept of each of a command's outputs.
pub(super) const COMMAND_OUTPUT_BYTES: usize = 24_576;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    command: String,
    #[serde(default)]
    cwd: Option<String>,
    #[serde(default)]
    stdin: Option<String>,
    #[serde(default)]
    timeout_ms: Option<u64>,
}

/// The tool; `source` is the position in the agent's list.
pub(crate) fn shell_spec(source: usize) -> ToolSpec {
    let description = "Run a bash command in your own Linux machine. The working folder is \
        /workspace, which is kept; everything else of the machine may be made anew between turns. \
        Long output is cut in the middle.";
    let parameters = json!({
        "type": "object",
        "properties": {
            "command": {"type": "string", "minLength": 1, "description": "The command, as for bash -c"},
            "cwd": {"type": "string", "description": "Working folder; /workspace when left out"},
            "stdin": {"type": "string", "description": "What the command reads from standard input"},
            "timeout_ms": {
                "type": "integer", "minimum": 1, "maximum": MAX_COMMAND_MS,
                "description": "Time limit in milliseconds; two minutes when left out",
            },
        },
        "required": ["command"],
        "additionalProperties": false,
    });
    let mut draft = Draft::built_in(SHELL, description.to_owned(), parameters, Safety::Once);
    draft.reconcile = true;
    let mut spec = draft.into_spec(source);
    spec.timeout_ms = MAX_COMMAND_MS + MACHINE_ROOM_MS;
    spec
}

pub(super) async fn call(
    sandboxes: &dyn Sandboxes,
    request: &SandboxRequest,
    call: &ToolCall,
) -> Result<ToolOutput, ToolError> {
    let exec = match exec(call) {
        Ok(exec) => exec,
        Err(reason) => return Ok(bounded_error(reason)),
    };
    match sandboxes.exec(request, exec, call.live.0.clone()).await {
        Ok((output, readiness)) => Ok(answered(call, readiness, &output)),
        Err(error) => failed_call(&error, call),
    }
}

/// The answer, with the command's record for the journal.
fn answered(call: &ToolCall, readiness: Readiness, output: &ExecOutput) -> ToolOutput {
    let (text, is_error) = exec_text(output);
    let mut answer = answer(readiness, &text, is_error);
    answer.exec = Arguments::deserialize(&*call.arguments).ok().map(|arguments| ExecRecord {
        command: arguments.command,
        cwd: arguments
            .cwd
            .and_then(|cwd| machine_path(&cwd).ok())
            .unwrap_or_else(|| WORKSPACE.to_owned()),
        end: output.end,
        duration_ms: output.duration_ms,
    });
    answer
}

fn exec(call: &ToolCall) -> Result<ExecRequest, String> {
    let arguments = Arguments::deserialize(&*call.arguments)
        .map_err(|error| format!("the arguments do not fit: {error}"))?;
    let cwd = match &arguments.cwd {
        Some(cwd) => machine_path(cwd)?,
        None => WORKSPACE.to_owned(),
    };
    let timeout_ms = arguments.timeout_ms.unwrap_or(DEFAULT_COMMAND_MS).clamp(1, MAX_COMMAND_MS);
    Ok(ExecRequest {
        effect: call.effect.clone(),
        argv: vec!["/bin/bash".to_owned(), "-c".to_owned(), arguments.command],
        cwd,
        env: BTreeMap::new(),
        stdin: Bytes::from(arguments.stdin.unwrap_or_default()),
        timeout_ms,
        output_limit_bytes: COMMAND_OUTPUT_BYTES,
    })
}

/// The machine knows what became of each command that it was given.
pub(super) async fn reconcile(
    sandboxes: &dyn Sandboxes,
    call: &ToolCall,
) -> Result<Reconciliation, ToolError> {
    match sandboxes.exec_fate(&call.context.session, &call.effect).await {
        Ok(Fate::Ended(output, readiness)) => {
            Ok(Reconciliation::Done(answered(call, readiness, &output)))
        }
        Ok(Fate::NotRun) => Ok(Reconciliation::NotDone),
        Ok(Fate::Gone) => Ok(Reconciliation::Unknown),
        Err(error) => failed(&error, Safety::ReadOnly).map(|_| Reconciliation::Unknown),
    }
}
