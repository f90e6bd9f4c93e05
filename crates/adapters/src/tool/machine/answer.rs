//! What a model reads of a machine's answer, and of its failure.

use mainstay_core::port::{
    ExecEnd, ExecOutput, MachineSeen, Readiness, SandboxError, ToolCall, ToolError, ToolOutput,
    WorldChange,
};
use mainstay_core::tool::Safety;

use crate::tool::output::{bounded, bounded_error, not_sent};

/// The answer, with what must be said of the machine before it.
pub(super) fn answer(readiness: Readiness, text: &str, is_error: bool) -> ToolOutput {
    let text = match notice(readiness) {
        Some(notice) => format!("{notice}\n{text}"),
        None => text.to_owned(),
    };
    let mut output = if is_error { bounded_error(text) } else { bounded(text) };
    output.machine = Some(MachineSeen::Ready(readiness));
    output
}

fn notice(readiness: Readiness) -> Option<String> {
    let lost_calls = match readiness {
        Readiness::Running | Readiness::New => return None,
        Readiness::Resumed { lost_calls: 0 } => {
            return Some(
                "[The machine was lost and goes on from its last checkpoint, with processes and \
                 variables as they were then.]"
                    .to_owned(),
            );
        }
        Readiness::Resumed { lost_calls } => {
            return Some(format!(
                "[The machine was lost and goes on from its last checkpoint, with files, processes and \
                 variables as they were then: without the {lost_calls} calls made since.]"
            ));
        }
        Readiness::Restored { lost_calls } => lost_calls,
    };
    let files = match lost_calls {
        0 => "Its files are all there".to_owned(),
        1 => "What the last call before changed in its files may be gone".to_owned(),
        calls => format!("What the last {calls} calls before changed in its files may be gone"),
    };
    Some(format!(
        "[The machine was made again from its last checkpoint. {files}; processes and variables are gone, and so is what was outside of /workspace.]"
    ))
}

/// What a call's failure is. A machine that did not come up for any of the attempts is told of, like one
/// that cannot be had at all.
pub(super) fn failed_call(error: &SandboxError, call: &ToolCall) -> Result<ToolOutput, ToolError> {
    let is_last = call.attempt >= call.spec.max_attempts;
    let SandboxError::NotStarted(_) = error else { return failed(error, call.spec.safety) };
    if !is_last {
        return failed(error, call.spec.safety);
    }
    // What is not sure of a `once` call is never attempted again.
    let is_sure = call.attempt == 1 || call.spec.safety != Safety::Idempotent;
    let note = if is_sure { "" } else { "; an attempt before may have taken effect" };
    let mut output = bounded_error(format!("the tool failed: {error}{note}"));
    output.machine = Some(MachineSeen::Absent(error.to_string()));
    Ok(output)
}

/// A failure is for the model where it can do something else, and an attempt's otherwise.
pub(super) fn failed(error: &SandboxError, safety: Safety) -> Result<ToolOutput, ToolError> {
    match error {
        SandboxError::Unavailable(_) => {
            let mut output = bounded_error(error.to_string());
            output.machine = Some(MachineSeen::Absent(error.to_string()));
            Ok(output)
        }
        SandboxError::Invalid(_) | SandboxError::LimitReached(_) => {
            Ok(bounded_error(error.to_string()))
        }
        SandboxError::NotStarted(_) => Err(not_sent(error.to_string())),
        SandboxError::Broken(_) => Err(ToolError {
            message: error.to_string(),
            retryable: true,
            world: match safety {
                Safety::ReadOnly => WorldChange::No,
                Safety::Idempotent | Safety::Once => WorldChange::Maybe,
            },
            retry_after_ms: None,
            needs: None,
        }),
    }
}

/// A command's outputs and how it ended.
pub(super) fn exec_text(output: &ExecOutput) -> (String, bool) {
    let mut text = stream(&output.stdout, output.stdout_omitted_bytes);
    let stderr = stream(&output.stderr, output.stderr_omitted_bytes);
    if !stderr.is_empty() {
        end_line(&mut text);
        text.push_str("[stderr]\n");
        text.push_str(&stderr);
    }
    let (end, is_error) = match output.end {
        ExecEnd::Exited { code: 0 } => (None, false),
        ExecEnd::Exited { code } => (Some(format!("[exit code {code}]")), false),
        ExecEnd::Signalled { signal } => (Some(format!("[ended by signal {signal}]")), true),
        ExecEnd::TimedOut => {
            (Some(format!("[killed: it ran for {} ms, its time limit]", output.duration_ms)), true)
        }
        ExecEnd::OutOfMemory => (Some("[killed: the machine's memory ran out]".to_owned()), true),
    };
    if let Some(end) = end {
        end_line(&mut text);
        text.push_str(&end);
    }
    if text.is_empty() {
        text.push_str("(no output)");
    }
    (text, is_error)
}

/// The first and the last half of an output, with what is between them said.
fn stream(bytes: &[u8], omitted_bytes: u64) -> String {
    if omitted_bytes == 0 {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let (first, last) = bytes.split_at(bytes.len() / 2);
    let (first, last) = (String::from_utf8_lossy(first), String::from_utf8_lossy(last));
    format!("{first}\n[{omitted_bytes} bytes left out]\n{last}")
}

fn end_line(text: &mut String) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
