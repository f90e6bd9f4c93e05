//! `run_python`, `run_javascript`: code in an interpreter whose variables survive.
//!
//! Invariant: pictures and tables are files under `artifacts/` in the workspace before the answer that
//! names them.

use mainstay_core::port::{
    CodeLanguage, CodeOutput, CodeRequest, CodeResult, Fate, Readiness, Reconciliation,
    SandboxRequest, Sandboxes, ToolCall, ToolError, ToolOutput, WORKSPACE,
};
use mainstay_core::tool::{Safety, ToolSpec};
use mainstay_protocol::EffectId;
use serde::Deserialize;
use serde_json::json;

use super::answer::{answer, failed, failed_call};
use super::shell::{COMMAND_OUTPUT_BYTES, MACHINE_ROOM_MS, MAX_COMMAND_MS};
use crate::tool::output::bounded_error;
use crate::tool::spec::Draft;

/// Code's time unless it asks for another.
const DEFAULT_CODE_MS: u64 = 120_000;
/// Most pictures and tables that one call saves.
const MAX_SAVED_RESULTS: usize = 16;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    code: String,
    #[serde(default)]
    timeout_ms: Option<u64>,
}

/// The language of a tool's name.
pub(super) fn language_of(tool: &str) -> Option<CodeLanguage> {
    [CodeLanguage::Python, CodeLanguage::Javascript]
        .into_iter()
        .find(|language| name(*language) == tool)
}

fn name(language: CodeLanguage) -> &'static str {
    match language {
        CodeLanguage::Python => "run_python",
        CodeLanguage::Javascript => "run_javascript",
    }
}

/// One tool per language; `source` is the position in the agent's list.
pub(crate) fn code_specs(languages: &[CodeLanguage], source: usize) -> Vec<ToolSpec> {
    languages.iter().map(|language| code_spec(*language, source)).collect()
}

fn code_spec(language: CodeLanguage, source: usize) -> ToolSpec {
    let description = match language {
        CodeLanguage::Python => {
            "Run Python in your own machine, in /workspace. Variables, functions and imports stay for \
             later calls. The value of the last expression is shown; matplotlib figures are saved \
             under artifacts/."
        }
        CodeLanguage::Javascript => {
            "Run JavaScript (Node.js) in your own machine, in /workspace. Variables and functions stay \
             for later calls; await works at the top. The value of the last expression is shown."
        }
    };
    let parameters = json!({
        "type": "object",
        "properties": {
            "code": {"type": "string", "minLength": 1, "description": "The code"},
            "timeout_ms": {
                "type": "integer", "minimum": 1, "maximum": MAX_COMMAND_MS,
                "description": "Time limit in milliseconds; two minutes when left out",
            },
        },
        "required": ["code"],
        "additionalProperties": false,
    });
    let mut draft =
        Draft::built_in(name(language), description.to_owned(), parameters, Safety::Once);
    draft.reconcile = true;
    let mut spec = draft.into_spec(source);
    spec.timeout_ms = MAX_COMMAND_MS + MACHINE_ROOM_MS;
    spec
}

pub(super) async fn call(
    sandboxes: &dyn Sandboxes,
    request: &SandboxRequest,
    call: &ToolCall,
    language: CodeLanguage,
) -> Result<ToolOutput, ToolError> {
    let arguments = match Arguments::deserialize(&*call.arguments) {
        Ok(arguments) => arguments,
        Err(error) => return Ok(bounded_error(format!("the arguments do not fit: {error}"))),
    };
    let code = CodeRequest {
        effect: call.effect.clone(),
        language,
        source: arguments.code,
        timeout_ms: arguments.timeout_ms.unwrap_or(DEFAULT_CODE_MS).clamp(1, MAX_COMMAND_MS),
        output_limit_bytes: COMMAND_OUTPUT_BYTES,
    };
    match sandboxes.code(request, code, call.live.0.clone()).await {
        Ok((output, readiness)) => {
            Ok(answer_of(sandboxes, Some(request), &call.effect, output, readiness).await)
        }
        Err(error) => failed_call(&error, call),
    }
}

/// The interpreter's agent knows what became of each piece of code that it was given.
pub(super) async fn reconcile(
    sandboxes: &dyn Sandboxes,
    call: &ToolCall,
) -> Result<Reconciliation, ToolError> {
    let request = call.context.sandbox.as_deref();
    match sandboxes.code_fate(&call.context.session, &call.effect).await {
        Ok(Fate::Ended(output, readiness)) => {
            let answer = answer_of(sandboxes, request, &call.effect, output, readiness).await;
            Ok(Reconciliation::Done(answer))
        }
        Ok(Fate::NotRun) => Ok(Reconciliation::NotDone),
        Ok(Fate::Gone) => Ok(Reconciliation::Unknown),
        Err(error) => failed(&error, Safety::ReadOnly).map(|_| Reconciliation::Unknown),
    }
}

async fn answer_of(
    sandboxes: &dyn Sandboxes,
    request: Option<&SandboxRequest>,
    effect: &EffectId,
    output: CodeOutput,
    readiness: Readiness,
) -> ToolOutput {
    let mut parts = Vec::new();
    // The first code of all is run by a new interpreter too, and misses nothing.
    if output.is_fresh && output.error.is_some() && readiness == Readiness::Running {
        parts.push("[the interpreter is new: no variables of earlier calls are there]".to_owned());
    }
    parts.extend([&output.stdout, &output.stderr].into_iter().filter_map(|text| shown(text)));
    for (index, result) in output.results.iter().enumerate() {
        match (result.media_type.as_str(), request) {
            ("text/plain", _) => parts.extend(shown(&String::from_utf8_lossy(&result.data))),
            (_, Some(request)) if index < MAX_SAVED_RESULTS => {
                parts.push(save(sandboxes, request, effect, index, result).await);
            }
            (media_type, _) => parts.push(format!("[a result of type {media_type} is left out]")),
        }
    }
    let is_error = output.error.is_some();
    parts.extend(output.error.as_deref().and_then(shown));
    if parts.is_empty() {
        parts.push("(no output)".to_owned());
    }
    answer(readiness, &parts.join("\n"), is_error)
}

fn shown(text: &str) -> Option<String> {
    let text = text.trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Saves a result where artifacts are found. The effect's id in its name makes saving it again the
/// same file.
async fn save(
    sandboxes: &dyn Sandboxes,
    request: &SandboxRequest,
    effect: &EffectId,
    index: usize,
    result: &CodeResult,
) -> String {
    let extension = match result.media_type.as_str() {
        "image/png" => "png",
        "image/jpeg" => "jpg",
        "image/svg+xml" => "svg",
        "text/html" => "html",
        "application/json" => "json",
        _ => "bin",
    };
    let tail: String = effect.as_str().chars().rev().take(8).collect();
    let path = format!("artifacts/result-{tail}-{index}.{extension}");
    let full = format!("{WORKSPACE}/{path}");
    match sandboxes.write_file(request, &full, result.data.clone()).await {
        Ok(_) => format!("[saved {} as {path}]", result.media_type),
        Err(error) => format!("[a result of type {} is lost: {error}]", result.media_type),
    }
}
