//! Input items: what a client brings, as the session takes it.
//!
//! Invariant: items that this server has given out are taken back, with members it does not know left
//! aside; what no model here can be given is refused in a request, and kept as it came in a
//! conversation. Deliberately absent: which session they are for.

use mainstay_core::item::{Content, DeveloperRole, ItemBody};
use mainstay_core::port::ToolOutput;
use mainstay_protocol::{ApiError, ApprovalId, CallId, ErrorCode};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::opaque;
use crate::openai::wire::At;

/// The most items that one request brings.
pub(crate) const MAX_INPUT_ITEMS: usize = 4_096;

/// One thing that a client brings.
#[derive(Debug, Clone)]
pub(crate) enum Brought {
    /// Something said or done, for the transcript.
    Item(ItemBody),
    /// What a function gave.
    Output { call_id: CallId, output: ToolOutput },
    /// A call that a server ran, and what it gave.
    Called { call: ItemBody, output: ItemBody },
    /// A person's answer.
    Approval { request: ApprovalId, approve: bool, content: Option<Value> },
    /// An item that the session has already.
    Reference,
    /// What an MCP server offered before.
    Listed,
    /// What no model here can be given.
    Foreign(Value),
}

/// Reads `input`: a text, or items.
pub(crate) fn read_input(input: Option<&Value>) -> Result<Vec<Brought>, ApiError> {
    let at = At::Root.field("input");
    match input {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Brought::Item(user(text))]),
        Some(Value::Array(items)) => read_items(items, &at),
        Some(_) => Err(at.invalid("is neither a text nor an array of items")),
    }
}

/// Reads items in their order.
pub(crate) fn read_items(items: &[Value], at: &At<'_>) -> Result<Vec<Brought>, ApiError> {
    if items.len() > MAX_INPUT_ITEMS {
        let message = format!("has {} items, at most {MAX_INPUT_ITEMS} are allowed", items.len());
        return Err(at.invalid(message));
    }
    items.iter().enumerate().map(|(index, item)| read_item(item, &at.index(index))).collect()
}

fn user(text: &str) -> ItemBody {
    ItemBody::UserMessage { content: vec![Content::Text { text: text.to_owned() }] }
}

fn read_item(item: &Value, at: &At<'_>) -> Result<Brought, ApiError> {
    let Some(object) = item.as_object() else { return Err(at.invalid("is not an object")) };
    let kind = object.get("type").filter(|kind| !kind.is_null());
    if kind.is_some_and(|kind| !kind.is_string()) {
        return Err(at.field("type").invalid("is not a string"));
    }
    match kind.and_then(Value::as_str) {
        Some("message") => message(object, at),
        None if object.contains_key("role") => message(object, at),
        None => Err(at.field("type").missing("is missing")),
        Some("") => Err(at.field("type").invalid("must not be empty")),
        Some("function_call") => function_call(object, at),
        Some("function_call_output") => function_output(object, at),
        Some("reasoning") => reasoning(object, at),
        Some("mcp_approval_response") => approval(object, at),
        Some("mcp_call") => mcp_call(object, at),
        // A question lives in the session that asks it.
        Some("mcp_approval_request" | "item_reference") => {
            text(object, "id", at).map(|_| Brought::Reference)
        }
        Some("compaction") => compaction(object, at),
        // The server is asked again what it offers.
        Some("mcp_list_tools") => Ok(Brought::Listed),
        Some(_) => Ok(Brought::Foreign(item.clone())),
    }
}

/// The refusal of an item that no model here can be given.
pub(crate) fn foreign(item: &Value, at: &At<'_>) -> ApiError {
    let kind = item.get("type").and_then(Value::as_str).unwrap_or_default();
    let message = format!("is {kind:?}, which no model behind this server is given");
    at.field("type").refuse(ErrorCode::Unsupported, message)
}

fn text<'a>(object: &'a Map<String, Value>, name: &str, at: &At<'_>) -> Result<&'a str, ApiError> {
    match object.get(name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(at.field(name).invalid("is not a string")),
        None => {
            let at = at.field(name);
            let error =
                ApiError::new(ErrorCode::MissingParameter, format!("parameter '{at}' is missing"));
            Err(error.with_param(at.to_string()))
        }
    }
}

fn call_id(object: &Map<String, Value>, at: &At<'_>) -> Result<CallId, ApiError> {
    let id = text(object, "call_id", at)?;
    CallId::parse(id).map_err(|error| at.field("call_id").invalid(error))
}

fn message(object: &Map<String, Value>, at: &At<'_>) -> Result<Brought, ApiError> {
    let parts = parts(object.get("content"), &at.field("content"))?;
    Ok(Brought::Item(match text(object, "role", at)? {
        "user" => ItemBody::UserMessage { content: parts },
        "assistant" => ItemBody::AssistantMessage { text: joined(&parts) },
        "system" => ItemBody::DeveloperMessage { role: DeveloperRole::System, content: parts },
        "developer" => {
            ItemBody::DeveloperMessage { role: DeveloperRole::Developer, content: parts }
        }
        other => {
            let message = format!("is {other:?}, none of user, assistant, system and developer");
            return Err(at.field("role").invalid(message));
        }
    }))
}

fn joined(parts: &[Content]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        Content::Text { text } => Some(text.as_str()),
        Content::Image { .. } => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn parts(content: Option<&Value>, at: &At<'_>) -> Result<Vec<Content>, ApiError> {
    match content {
        Some(Value::String(text)) => Ok(vec![Content::Text { text: text.clone() }]),
        Some(Value::Array(parts)) => {
            parts.iter().enumerate().map(|(index, part)| one_part(part, &at.index(index))).collect()
        }
        Some(_) => Err(at.invalid("is neither a text nor an array of parts")),
        None => Err(at.missing("is missing")),
    }
}

fn one_part(part: &Value, at: &At<'_>) -> Result<Content, ApiError> {
    let Some(object) = part.as_object() else { return Err(at.invalid("is not an object")) };
    match object.get("type").and_then(Value::as_str) {
        Some("input_text" | "output_text" | "text" | "summary_text") => {
            Ok(Content::Text { text: text(object, "text", at)?.to_owned() })
        }
        Some("refusal") => Ok(Content::Text { text: text(object, "refusal", at)?.to_owned() }),
        Some("input_image") => image(object, at),
        Some(other) => {
            let message = format!("is {other:?}; models here are given text and images");
            Err(at.field("type").refuse(ErrorCode::Unsupported, message))
        }
        None => Err(at.field("type").missing("is missing")),
    }
}

fn image(object: &Map<String, Value>, at: &At<'_>) -> Result<Content, ApiError> {
    if object.get("file_id").is_some_and(|id| !id.is_null()) {
        let message = "names an uploaded file; send the image as 'image_url'";
        return Err(at.field("file_id").refuse(ErrorCode::Unsupported, message));
    }
    let url = text(object, "image_url", at)?;
    let is_known = ["https://", "http://", "data:"].iter().any(|scheme| url.starts_with(scheme));
    if !is_known {
        return Err(at.field("image_url").invalid("is neither an HTTP address nor a data URL"));
    }
    Ok(Content::Image { url: url.to_owned() })
}

fn function_call(object: &Map<String, Value>, at: &At<'_>) -> Result<Brought, ApiError> {
    Ok(Brought::Item(ItemBody::ToolCall {
        call_id: call_id(object, at)?,
        name: text(object, "name", at)?.to_owned(),
        arguments: text(object, "arguments", at)?.to_owned(),
        source: None,
    }))
}

/// A call that a server ran before: for a model a call like any other, with its output.
fn mcp_call(object: &Map<String, Value>, at: &At<'_>) -> Result<Brought, ApiError> {
    let id = text(object, "id", at)?;
    let call_id = CallId::parse(id).map_err(|error| at.field("id").invalid(error))?;
    let given = |name: &str| object.get(name).filter(|value| !value.is_null());
    let (output, is_error) = match (given("error"), given("output")) {
        (Some(error), _) => (error, true),
        (None, Some(output)) => (output, false),
        (None, None) => (&Value::Null, false),
    };
    let output = match output {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let content = vec![Content::Text { text: output }];
    Ok(Brought::Called {
        call: ItemBody::ToolCall {
            call_id: call_id.clone(),
            name: text(object, "name", at)?.to_owned(),
            arguments: text(object, "arguments", at)?.to_owned(),
            source: Some(text(object, "server_label", at)?.to_owned()),
        },
        output: ItemBody::ToolOutput { call_id, content, is_error },
    })
}

fn function_output(object: &Map<String, Value>, at: &At<'_>) -> Result<Brought, ApiError> {
    let content = parts(object.get("output"), &at.field("output"))?;
    let is_error = object.get("status").and_then(Value::as_str) == Some("failed");
    let output = ToolOutput::new(content, is_error);
    Ok(Brought::Output { call_id: call_id(object, at)?, output })
}

/// What a reasoning item of ours carries for its provider comes back with it; another's is not ours
/// to read.
fn reasoning(object: &Map<String, Value>, at: &At<'_>) -> Result<Brought, ApiError> {
    let summary = match object.get("summary") {
        None | Some(Value::Null) => String::new(),
        Some(Value::Array(list)) if list.is_empty() => String::new(),
        summary => joined(&parts(summary, &at.field("summary"))?),
    };
    let sealed = object.get("encrypted_content").and_then(Value::as_str);
    let provider_data = sealed.and_then(opaque::read::<Value>);
    Ok(Brought::Item(ItemBody::Reasoning { summary, provider_data }))
}

fn approval(object: &Map<String, Value>, at: &At<'_>) -> Result<Brought, ApiError> {
    let request = text(object, "approval_request_id", at)?;
    let request = ApprovalId::parse(request)
        .map_err(|error| at.field("approval_request_id").invalid(error))?;
    let approve = object.get("approve").and_then(Value::as_bool);
    let approve = approve.ok_or_else(|| at.field("approve").invalid("is not true or false"))?;
    let content = match object.get("content") {
        None | Some(Value::Null) => None,
        Some(content @ Value::Object(_)) => Some(content.clone()),
        Some(_) => return Err(at.field("content").invalid("is not an object")),
    };
    Ok(Brought::Approval { request, approve, content })
}

/// What a compaction item of this server holds.
#[derive(Debug, serde::Serialize, Deserialize)]
pub(crate) struct CompactedText {
    pub(crate) summary: String,
}

fn compaction(object: &Map<String, Value>, at: &At<'_>) -> Result<Brought, ApiError> {
    let sealed = text(object, "encrypted_content", at)?;
    let Some(CompactedText { summary }) = opaque::read(sealed) else {
        return Err(at.field("encrypted_content").invalid("was not made by this server"));
    };
    Ok(Brought::Item(ItemBody::Summary { text: summary }))
}
