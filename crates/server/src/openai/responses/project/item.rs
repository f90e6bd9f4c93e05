//! Items as the Responses API shows them.
//!
//! Invariant: pure; the same item is shown alike in a response, in its input, in a conversation and
//! in a stream. Calls of tools that this server runs are `mcp_call` items, whatever their source.

use mainstay_core::item::{Content, DeveloperRole, Item, ItemBody};
use mainstay_core::question::Question;
use serde_json::{Value, json};

use crate::openai::project::server_question;
use crate::openai::responses::{CompactedText, opaque};

/// An item that stands by itself.
pub(crate) fn show(item: &Item) -> Value {
    let id = item.id.as_str();
    match &item.body {
        ItemBody::UserMessage { content } => message(id, "user", content),
        ItemBody::DeveloperMessage { role: DeveloperRole::Developer, content } => {
            message(id, "developer", content)
        }
        ItemBody::DeveloperMessage { role: DeveloperRole::System, content } => {
            message(id, "system", content)
        }
        ItemBody::AssistantMessage { text } => assistant(id, Some(text), "completed"),
        ItemBody::Reasoning { summary, provider_data } => {
            reasoning(id, Some(summary), provider_data.as_ref(), true)
        }
        ItemBody::ToolCall { call_id, name, arguments, source: None } => {
            function_call(id, call_id.as_str(), name, arguments, "completed")
        }
        ItemBody::ToolCall { name, arguments, source: Some(source), .. } => {
            McpCall { id, name, arguments, label: source, approval: None }.show("completed", None)
        }
        ItemBody::ToolOutput { call_id, content, is_error } => json!({
            "type": "function_call_output",
            "id": id,
            "call_id": call_id,
            "output": output(content),
            "status": if *is_error { "incomplete" } else { "completed" },
        }),
        ItemBody::Summary { text } => json!({
            "type": "compaction",
            "id": id,
            "encrypted_content": opaque::write(&CompactedText { summary: text.clone() }),
        }),
        ItemBody::Foreign { value } => {
            let mut value = value.clone();
            if let Some(object) = value.as_object_mut() {
                object.insert("id".to_owned(), id.into());
            }
            value
        }
    }
}

fn message(id: &str, role: &str, content: &[Content]) -> Value {
    let content: Vec<Value> = content.iter().map(part).collect();
    json!({"type": "message", "id": id, "role": role, "status": "completed", "content": content})
}

fn part(part: &Content) -> Value {
    match part {
        Content::Text { text } => json!({"type": "input_text", "text": text}),
        Content::Image { url } => {
            json!({"type": "input_image", "image_url": url, "detail": "auto", "file_id": null})
        }
    }
}

/// A tool's output: a text where it is one.
fn output(content: &[Content]) -> Value {
    match content {
        [] => "".into(),
        [Content::Text { text }] => text.as_str().into(),
        parts => parts.iter().map(part).collect::<Vec<_>>().into(),
    }
}

/// All text of an output.
pub(crate) fn text_of(content: &[Content]) -> String {
    let text = |part: &Content| match part {
        Content::Text { text } => text.clone(),
        Content::Image { .. } => "[image]".to_owned(),
    };
    content.iter().map(text).collect::<Vec<_>>().join("\n")
}

/// A message of the model; without a text it has no part yet.
pub(crate) fn assistant(id: &str, text: Option<&str>, status: &str) -> Value {
    let content: Vec<Value> = text.map(output_text).into_iter().collect();
    json!({
        "type": "message", "id": id, "role": "assistant", "status": status, "content": content,
    })
}

/// The one part of a message of the model.
pub(crate) fn output_text(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

/// Reasoning; what its provider wants back only where it is asked for.
pub(crate) fn reasoning(
    id: &str,
    summary: Option<&str>,
    provider_data: Option<&Value>,
    with_data: bool,
) -> Value {
    let summary = summary.filter(|text| !text.is_empty());
    let parts: Vec<Value> =
        summary.map(|text| json!({"type": "summary_text", "text": text})).into_iter().collect();
    let mut item = json!({"type": "reasoning", "id": id, "summary": parts});
    if with_data && let Some(data) = provider_data {
        item["encrypted_content"] = opaque::write(data).into();
    }
    item
}

/// A call that the client runs.
pub(crate) fn function_call(
    id: &str,
    call_id: &str,
    name: &str,
    arguments: &str,
    status: &str,
) -> Value {
    json!({
        "type": "function_call", "id": id, "call_id": call_id, "name": name,
        "arguments": arguments, "status": status,
    })
}

/// What a tool's server asks a person, about a call or before it says what tools it has.
pub(crate) fn question(approval: &str, call: Option<(&str, &str)>, question: &Question) -> Value {
    let (name, arguments) = call.unwrap_or(("", "{}"));
    let asked = server_question(question);
    let mut item = json!({
        "type": "mcp_approval_request", "id": approval, "name": name, "arguments": arguments,
        "server_label": asked.server_label, "kind": asked.kind, "message": asked.message,
    });
    if let Some(url) = asked.url {
        item["url"] = url.into();
    }
    if let Some(schema) = asked.requested_schema {
        item["requested_schema"] = schema;
    }
    item
}

/// A call that this server runs.
pub(crate) struct McpCall<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) arguments: &'a str,
    pub(crate) label: &'a str,
    pub(crate) approval: Option<&'a str>,
}

impl McpCall<'_> {
    /// With what it gave: a text, and whether that is an error.
    pub(crate) fn show(&self, status: &str, end: Option<(&str, bool)>) -> Value {
        let error = |text: &str| json!({"type": "mcp_tool_execution_error", "content": text});
        json!({
            "type": "mcp_call", "id": self.id, "name": self.name, "server_label": self.label,
            "arguments": self.arguments, "status": status,
            "approval_request_id": self.approval,
            "output": end.filter(|(_, is_error)| !is_error).map(|(text, _)| text),
            "error": end.filter(|(_, is_error)| *is_error).map(|(text, _)| error(text)),
        })
    }

    /// As a question to a person.
    pub(crate) fn ask(&self, approval: &str) -> Value {
        json!({
            "type": "mcp_approval_request", "id": approval, "name": self.name,
            "server_label": self.label, "arguments": self.arguments,
        })
    }
}
