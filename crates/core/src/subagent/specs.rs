//! The tools by which an agent has subagents.

use serde_json::{Value, json};

use crate::tool::{
    ApprovalMode, DEFAULT_TOOL_ATTEMPTS, DEFAULT_TOOL_CONCURRENCY, DEFAULT_TOOL_TIMEOUT_MS, Safety,
    ToolSpec,
};

/// The label of the tools' source.
pub const SUBAGENTS_LABEL: &str = "subagents";
/// Makes a subagent.
pub const CREATE_SUBAGENT: &str = "create_subagent";
/// Gives a subagent input.
pub const SEND_SUBAGENT_INPUT: &str = "send_subagent_input";
/// Waits until subagents rest.
pub const WAIT_FOR_SUBAGENTS: &str = "wait_for_subagents";
/// Ends what a subagent is doing.
pub const INTERRUPT_SUBAGENT: &str = "interrupt_subagent";
/// Lets a subagent take no more input.
pub const CLOSE_SUBAGENT: &str = "close_subagent";
/// Lets a closed subagent take input again.
pub const RESUME_SUBAGENT: &str = "resume_subagent";

/// The most subagents that one wait names.
pub const MAX_AWAITED_SUBAGENTS: usize = 32;
/// The longest wait.
pub const MAX_WAIT_SECONDS: u64 = 7 * 24 * 3_600;
/// The longest name of a subagent.
const MAX_NAME_CHARS: usize = 64;
/// How often a wait may look: once for each time that a subagent came to rest.
const WAIT_ATTEMPTS: u32 = 100_000;

/// The tools; `source` is the position in the agent's list.
#[must_use]
pub fn subagent_specs(source: usize) -> Vec<ToolSpec> {
    let spec = |name: &str, description: &str, parameters: Value| ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        parameters,
        strict: false,
        source,
        remote_name: name.to_owned(),
        safety: Safety::Idempotent,
        approval: ApprovalMode::Never,
        reconcile: false,
        timeout_ms: DEFAULT_TOOL_TIMEOUT_MS,
        max_attempts: DEFAULT_TOOL_ATTEMPTS,
        concurrency_limit: DEFAULT_TOOL_CONCURRENCY,
    };
    vec![
        spec(
            CREATE_SUBAGENT,
            "Make a subagent and give it a task. It works by itself, beside you, with your \
             instructions and tools and without this conversation: say in the task all that it needs \
             to know. The answer is its id. Make several before you wait for them, so that they work \
             at the same time.",
            create_parameters(),
        ),
        spec(
            SEND_SUBAGENT_INPUT,
            "Give a subagent of yours a message: it joins what the subagent is doing, or is its next \
             task.",
            with_subagent(json!({"message": text("What it is told")}), "message"),
        ),
        ToolSpec {
            safety: Safety::ReadOnly,
            max_attempts: WAIT_ATTEMPTS,
            ..spec(
                WAIT_FOR_SUBAGENTS,
                "Wait until subagents of yours have done what they were given, and read their \
                 answers.",
                wait_parameters(),
            )
        },
        spec(
            INTERRUPT_SUBAGENT,
            "End what a subagent of yours is doing. It stays and takes further input.",
            with_subagent(json!({}), ""),
        ),
        spec(
            CLOSE_SUBAGENT,
            "Close a subagent of yours that is no longer needed: what it is doing ends, and it takes \
             no input until it is resumed.",
            with_subagent(json!({}), ""),
        ),
        spec(
            RESUME_SUBAGENT,
            "Open a closed subagent of yours again, with all that it knows.",
            with_subagent(json!({}), ""),
        ),
    ]
}

fn text(description: &str) -> Value {
    json!({"type": "string", "minLength": 1, "description": description})
}

fn create_parameters() -> Value {
    json!({
        "type": "object",
        "properties": {
            "task": text("The task, with all that is needed to do it"),
            "name": {
                "type": "string", "minLength": 1, "maxLength": MAX_NAME_CHARS,
                "description": "A short name, for people who watch",
            },
            "model": text("Another model than yours; only when you were told to"),
            "reasoning_effort": {
                "type": "string",
                "enum": ["none", "minimal", "low", "medium", "high", "xhigh", "max"],
                "description": "How hard it thinks; as hard as you when left out",
            },
        },
        "required": ["task"],
        "additionalProperties": false,
    })
}

fn wait_parameters() -> Value {
    json!({
        "type": "object",
        "properties": {
            "subagent_ids": {
                "type": "array", "minItems": 1, "maxItems": MAX_AWAITED_SUBAGENTS,
                "items": {"type": "string"},
                "description": "The ids of the subagents",
            },
            "wait_for": {
                "type": "string", "enum": ["all", "any"],
                "description": "Whether all of them must be done, or one; all when left out",
            },
            "timeout_seconds": {
                "type": "integer", "minimum": 1, "maximum": MAX_WAIT_SECONDS,
                "description": "How long to wait at the most; a week when left out",
            },
        },
        "required": ["subagent_ids"],
        "additionalProperties": false,
    })
}

/// The parameters of a tool that is about one subagent; `more` are required if they are `named`.
fn with_subagent(more: Value, named: &str) -> Value {
    let mut parameters = json!({
        "type": "object",
        "properties": {"subagent_id": text("The subagent's id")},
        "required": ["subagent_id"],
        "additionalProperties": false,
    });
    if let Value::Object(more) = more {
        for (name, schema) in more {
            parameters["properties"][name] = schema;
        }
    }
    if !named.is_empty() {
        parameters["required"] = json!(["subagent_id", named]);
    }
    parameters
}
