//! What the document of the API says of objects of the Responses API, which are folds of a journal and
//! have no types of their own.

use serde_json::{Value, json};

use super::input::MAX_INPUT_ITEMS;
use crate::openai::wire::{ReasoningEffort, ReasoningSummary};
use crate::openapi::shape;

shape! {
    /// A response.
    ResponseObject = |generator| {
        let item = generator.subschema_for::<ResponseItem>();
        json!({
            "type": "object",
            "required": [
                "id", "object", "created_at", "completed_at", "status", "error",
                "incomplete_details", "output", "usage", "previous_response_id", "conversation",
                "session_id", "background", "instructions", "max_output_tokens", "metadata", "model",
                "parallel_tool_calls", "reasoning", "service_tier", "store", "temperature", "text",
                "tool_choice", "tools", "top_p", "truncation", "user",
            ],
            "properties": {
                "id": {"type": "string"},
                "object": {"const": "response"},
                "created_at": {"type": "integer"},
                "completed_at": {"type": ["integer", "null"]},
                "status": {"enum": [
                    "queued", "in_progress", "completed", "failed", "cancelled", "incomplete",
                ]},
                "error": {
                    "type": ["object", "null"],
                    "required": ["code", "message"],
                    "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
                },
                "incomplete_details": {"type": ["object", "null"]},
                "output": {"type": "array", "items": item},
                "usage": {"anyOf": [usage(), {"type": "null"}]},
                "previous_response_id": {"type": ["string", "null"]},
                "conversation": {"type": ["object", "null"]},
                "session_id": {"type": "string", "x-mainstay-extension": true},
                "background": {"type": "boolean"},
                "instructions": {"type": ["string", "null"]},
                "max_output_tokens": {"type": ["integer", "null"]},
                "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
                "model": {"type": "string"},
                "parallel_tool_calls": {"type": "boolean"},
                "reasoning": {"type": "object"},
                "service_tier": {"type": "string"},
                "store": {"type": "boolean"},
                "temperature": {"type": "number"},
                "text": {"type": "object", "required": ["format", "verbosity"]},
                "tool_choice": {"type": ["string", "object"]},
                "tools": {"type": "array", "items": {"type": "object", "required": ["type"]}},
                "top_p": {"type": "number"},
                "truncation": {"enum": ["auto", "disabled"]},
                "user": {"type": ["string", "null"]},
            },
        })
    }
}

fn usage() -> Value {
    let count = || json!({"type": "integer", "minimum": 0});
    json!({
        "type": "object",
        "required": [
            "input_tokens", "input_tokens_details", "output_tokens", "output_tokens_details",
            "total_tokens",
        ],
        "properties": {
            "input_tokens": count(),
            "input_tokens_details": {"type": "object", "required": ["cached_tokens"]},
            "output_tokens": count(),
            "output_tokens_details": {"type": "object", "required": ["reasoning_tokens"]},
            "total_tokens": count(),
        },
    })
}

shape! {
    /// An item: a message, reasoning, a call, what a call gave. Its type says which members it has.
    ResponseItem = |_| json!({
        "type": "object",
        "required": ["id", "type"],
        "properties": {"id": {"type": "string"}, "type": {"type": "string"}},
    })
}

shape! {
    /// A page of items.
    ResponseItemList = |generator| {
        let item = generator.subschema_for::<ResponseItem>();
        json!({
            "type": "object",
            "required": ["object", "data", "has_more", "first_id", "last_id"],
            "properties": {
                "object": {"const": "list"},
                "data": {"type": "array", "items": item},
                "has_more": {"type": "boolean"},
                "first_id": {"type": ["string", "null"]},
                "last_id": {"type": ["string", "null"]},
            },
        })
    }
}

shape! {
    /// An event of a response's stream. Its type says which members it has.
    ResponseEvent = |_| json!({
        "type": "object",
        "required": ["type", "sequence_number"],
        "properties": {
            "type": {"type": "string"},
            "sequence_number": {"type": "integer", "minimum": 0},
        },
    })
}

shape! {
    /// What was deleted.
    DeletedResponse = |_| json!({
        "type": "object",
        "required": ["id", "object", "deleted"],
        "properties": {
            "id": {"type": "string"},
            "object": {"const": "response"},
            "deleted": {"const": true},
        },
    })
}

shape! {
    /// A context as one item.
    CompactedContext = |generator| {
        let item = generator.subschema_for::<ResponseItem>();
        json!({
            "type": "object",
            "required": ["id", "object", "created_at", "output", "usage"],
            "properties": {
                "id": {"type": "string"},
                "object": {"const": "response.compaction"},
                "created_at": {"type": "integer"},
                "output": {"type": "array", "items": item},
                "usage": usage(),
            },
        })
    }
}

shape! {
    /// How large a context is.
    InputTokens = |_| json!({
        "type": "object",
        "required": ["object", "input_tokens"],
        "properties": {
            "object": {"const": "response.input_tokens"},
            "input_tokens": {"type": "integer", "minimum": 0},
        },
    })
}

shape! {
    /// What a request brings: a text, or items.
    ResponseInput = |generator| {
        let item = generator.subschema_for::<InputItem>();
        json!({"anyOf": [
            {"type": "string"},
            {"type": "array", "items": item, "maxItems": MAX_INPUT_ITEMS},
        ]})
    }
}

shape! {
    /// Something that a client brings: an item as this server gives it out, or a message with a role
    /// alone. Its type says which members it has.
    InputItem = |_| json!({
        "type": "object",
        "properties": {"type": {"type": "string"}, "role": {"type": "string"}},
        "anyOf": [{"required": ["type"]}, {"required": ["role"]}],
    })
}

shape! {
    /// A tool of a request.
    ResponseTool = |_| json!({
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": ["function", "mcp", "openapi", "files", "http"]}},
    })
}

shape! {
    /// How the model reasons.
    ReasoningChoice = |generator| {
        let effort = generator.subschema_for::<Option<ReasoningEffort>>();
        let summary = generator.subschema_for::<Option<ReasoningSummary>>();
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "effort": effort, "summary": summary.clone(), "generate_summary": summary,
                "context": true, "mode": true,
            },
        })
    }
}
