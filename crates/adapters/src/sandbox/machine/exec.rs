//! Commands of a machine.

use std::time::Duration;

use bytes::Bytes;
use mainstay_core::port::{
    ExecEnd, ExecOutput, ExecRequest, Fate, OutputSink, Readiness, SandboxError,
};
use mainstay_guest::{Answer, End, ExecDone, MAX_OUTPUT_LIMIT_BYTES, MAX_STDIN_BYTES, Request};
use mainstay_protocol::EffectId;

use super::connect::Machine;
use super::failure::{forgotten, nonsense};
use super::request::{Bounds, ask};

/// What a machine may take beyond the time-out of a command to end it and to answer.
const EXEC_MARGIN_MS: u64 = 60_000;

/// No command runs longer.
pub(super) const MAX_RUN_MS: u64 = 24 * 3_600_000;

impl Machine {
    /// Runs a command, and shows its outputs while they come. Of each output the first and the last half
    /// of the limit are kept. Dropping the future kills the command with all that it started; losing
    /// the connection does not. Under an id that was seen it runs nothing and waits for the outcome.
    ///
    /// # Errors
    /// It cannot be started, or the agent does not answer.
    pub async fn exec(
        &self,
        request: ExecRequest,
        sink: Option<OutputSink>,
    ) -> Result<ExecOutput, SandboxError> {
        let limit = request.output_limit_bytes;
        if limit > MAX_OUTPUT_LIMIT_BYTES {
            let text = format!("at most {MAX_OUTPUT_LIMIT_BYTES} bytes of each output are kept");
            return Err(SandboxError::Invalid(text));
        }
        if request.stdin.len() > MAX_STDIN_BYTES {
            let text =
                format!("standard input is longer than {MAX_STDIN_BYTES} bytes; write a file");
            return Err(SandboxError::LimitReached(text));
        }
        let timeout_ms = request.timeout_ms.min(MAX_RUN_MS);
        let wire = Request::Exec {
            effect: request.effect.to_string(),
            argv: request.argv,
            cwd: request.cwd,
            env: request.env,
            timeout_ms,
            output_limit_bytes: limit,
            is_live: sink.is_some(),
        };
        let bounds = Bounds {
            attempted: "run a command",
            wait: Duration::from_millis(timeout_ms + EXEC_MARGIN_MS),
            // Under an id that was seen the outcome has the limit of the first request.
            max_bytes: 2 * MAX_OUTPUT_LIMIT_BYTES,
            sink: sink.as_ref(),
        };
        match ask(&self.connection, &wire, Some(request.stdin), bounds).await? {
            (Answer::Exec(done), data) => output(&done, data),
            (Answer::Forgotten, _) => Err(forgotten()),
            _ => Err(nonsense("another answer than the end of a command")),
        }
    }

    /// What became of a command; waits for one that runs.
    ///
    /// # Errors
    /// The agent does not answer.
    pub async fn exec_fate(&self, effect: &EffectId) -> Result<Fate<ExecOutput>, SandboxError> {
        let bounds = Bounds {
            attempted: "ask what became of a command",
            wait: Duration::from_millis(MAX_RUN_MS + EXEC_MARGIN_MS),
            max_bytes: 2 * MAX_OUTPUT_LIMIT_BYTES,
            sink: None,
        };
        let wire = Request::ExecFate { effect: effect.to_string() };
        match ask(&self.connection, &wire, None, bounds).await? {
            (Answer::Exec(done), data) => Ok(Fate::Ended(output(&done, data)?, Readiness::Running)),
            (Answer::NotRun, _) => Ok(Fate::NotRun),
            (Answer::Forgotten, _) => Ok(Fate::Gone),
            _ => Err(nonsense("another answer than the fate of a command")),
        }
    }
}

fn output(done: &ExecDone, mut data: Bytes) -> Result<ExecOutput, SandboxError> {
    if done.stdout_bytes.checked_add(done.stderr_bytes) != Some(data.len()) {
        return Err(nonsense("outputs of another size than it says"));
    }
    let stdout = data.split_to(done.stdout_bytes);
    Ok(ExecOutput {
        end: end(done.end),
        stdout,
        stderr: data,
        stdout_omitted_bytes: done.stdout_omitted_bytes,
        stderr_omitted_bytes: done.stderr_omitted_bytes,
        duration_ms: done.duration_ms,
    })
}

pub(super) fn end(end: End) -> ExecEnd {
    match end {
        End::Exited { code } => ExecEnd::Exited { code },
        End::Signalled { signal } => ExecEnd::Signalled { signal },
        End::TimedOut => ExecEnd::TimedOut,
        End::OutOfMemory => ExecEnd::OutOfMemory,
    }
}
