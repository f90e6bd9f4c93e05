//! What a client says to a session.

use serde_json::{Value, json};

/// An input of one message.
pub(crate) fn say(text: &str) -> Value {
    events(&json!([message(text)]))
}

/// A message as one input among others.
pub(crate) fn message(text: &str) -> Value {
    json!({
        "type": "agent.session.input.message",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": text}]}],
    })
}

/// The result of a call.
pub(crate) fn result(turn: &str, call: &str, output: &str) -> Value {
    events(&json!([{
        "type": "agent.session.input.tool_result",
        "turn_id": turn, "call_id": call, "success": true, "output": output,
    }]))
}

/// The cancelling of the active turn.
pub(crate) fn cancel() -> Value {
    events(&json!([{"type": "agent.session.input.cancel"}]))
}

/// A request of these inputs.
pub(crate) fn events(inputs: &Value) -> Value {
    json!({ "events": inputs })
}

/// A scripted agent with the function `lookup`, which needs an `id`, and the workspace's files.
pub(crate) fn two_tools() -> Value {
    json!({
        "model": "scripted",
        "tools": [
            {"type": "files"},
            {"type": "function", "name": "lookup", "description": "Looks up.",
             "parameters": {"type": "object", "required": ["id"]}},
        ],
    })
}
