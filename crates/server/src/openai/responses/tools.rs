//! Tools and tool choices of a request, as an agent has them.
//!
//! Invariant: a tool that this server does not have is refused by its type, never left out.

use mainstay_core::port::ToolChoice;
use mainstay_protocol::{ApiError, ErrorCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::openai::wire::{At, ToolParams, parse_at};

/// `tool_choice`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum ToolChoiceParams {
    /// `none`, `auto` or `required`.
    Mode(Mode),
    /// An object with a type.
    Of(Map<String, Value>),
}

/// How free the model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ToolChoiceMode")]
pub(crate) enum Mode {
    None,
    Auto,
    Required,
}

impl ToolChoiceParams {
    /// The choice as models are asked.
    pub(crate) fn choice(&self) -> Result<ToolChoice, ApiError> {
        let at = At::Root.field("tool_choice");
        let object = match self {
            Self::Mode(Mode::None) => return Ok(ToolChoice::None),
            Self::Mode(Mode::Auto) => return Ok(ToolChoice::Auto),
            Self::Mode(Mode::Required) => return Ok(ToolChoice::Required),
            Self::Of(object) => object,
        };
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        match text("type") {
            Some("function") => match text("name") {
                Some(name) => Ok(ToolChoice::Tool { name: name.to_owned() }),
                None => Err(at.field("name").missing("is missing")),
            },
            // A server alone: any of its tools.
            Some("mcp") => match text("name") {
                Some(name) => Ok(ToolChoice::Tool { name: name.to_owned() }),
                None => Ok(ToolChoice::Required),
            },
            Some("allowed_tools") => {
                let tools = object.get("tools").and_then(Value::as_array);
                let names = tools.into_iter().flatten();
                let names = names.filter_map(|tool| tool.get("name")?.as_str().map(str::to_owned));
                let required = text("mode") == Some("required");
                Ok(ToolChoice::Allowed { names: names.collect(), required })
            }
            Some(other) => {
                let message = format!("is {other:?}, which this server does not have");
                Err(at.field("type").refuse(ErrorCode::Unsupported, message))
            }
            None => Err(at.field("type").missing("is missing")),
        }
    }
}

/// The request's tools as an agent's.
pub(crate) fn agent_tools(tools: &[Value]) -> Result<Vec<ToolParams>, ApiError> {
    let list = At::Root.field("tools");
    let one = |(index, tool): (usize, &Value)| agent_tool(tool, &list.index(index));
    tools.iter().enumerate().map(one).collect()
}

fn agent_tool(tool: &Value, at: &At<'_>) -> Result<ToolParams, ApiError> {
    let Some(object) = tool.as_object() else { return Err(at.invalid("is not an object")) };
    match object.get("type").and_then(Value::as_str) {
        Some("function") => function(object, at),
        Some("mcp") => mcp(object, at),
        Some("openapi" | "files" | "http") => parse_at(tool.clone(), at),
        Some(other) => {
            let message =
                format!("is {other:?}; this server has function, mcp, openapi, files and http");
            Err(at.field("type").refuse(ErrorCode::Unsupported, message))
        }
        None => Err(at.field("type").missing("is missing")),
    }
}

fn function(object: &Map<String, Value>, at: &At<'_>) -> Result<ToolParams, ApiError> {
    const KNOWN: &[&str] = &[
        "type",
        "name",
        "description",
        "parameters",
        "strict",
        "async",
        "allowed_callers",
        "defer_loading",
        "output_schema",
    ];
    refuse_unknown(object, KNOWN, at)?;
    let empty = || json!({"type": "object", "properties": {}});
    let given = |name: &str| object.get(name).filter(|value| !value.is_null()).cloned();
    let function = json!({
        "type": "function",
        "name": object.get("name").cloned().unwrap_or_default(),
        "description": given("description").unwrap_or_else(|| "".into()),
        "parameters": given("parameters").unwrap_or_else(empty),
        "strict": given("strict").unwrap_or_else(|| is_strict(object).into()),
    });
    parse_at(function, at)
}

/// Whether the model is held to a function's schema: as the request says, else wherever the schema has
/// the form that providers ask for.
fn is_strict(function: &Map<String, Value>) -> bool {
    match function.get("strict") {
        None | Some(Value::Null) => function.get("parameters").is_some_and(has_strict_form),
        Some(given) => given == &Value::Bool(true),
    }
}

/// Whether every object of a schema names all its members, and takes no others.
fn has_strict_form(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => {
            let is_object = members.get("type").is_some_and(|kind| kind == "object")
                || members.contains_key("properties");
            (!is_object || is_closed(members)) && members.values().all(has_strict_form)
        }
        Value::Array(parts) => parts.iter().all(has_strict_form),
        _ => true,
    }
}

fn is_closed(schema: &Map<String, Value>) -> bool {
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &String| required.is_some_and(|all| all.iter().any(|one| one == name));
    let properties = schema.get("properties").and_then(Value::as_object);
    schema.get("additionalProperties") == Some(&Value::Bool(false))
        && properties.is_none_or(|named| named.keys().all(is_required))
}

fn mcp(object: &Map<String, Value>, at: &At<'_>) -> Result<ToolParams, ApiError> {
    const KNOWN: &[&str] = &[
        "type",
        "server_label",
        "server_url",
        "server_description",
        "allowed_tools",
        "authorization",
        "headers",
        "require_approval",
        "connector_id",
        "allowed_callers",
        "defer_loading",
        "tunnel_id",
        "safety",
        "required",
    ];
    refuse_unknown(object, KNOWN, at)?;
    for name in ["connector_id", "tunnel_id"] {
        if object.get(name).is_some_and(|value| !value.is_null()) {
            let message = "names a connector of another vendor; give the server's 'server_url'";
            return Err(at.field(name).refuse(ErrorCode::Unsupported, message));
        }
    }
    let Some(url) = object.get("server_url") else {
        return Err(at.field("server_url").missing("is missing"));
    };
    let mut transport = json!({"type": "http", "server_url": url});
    for name in ["authorization", "headers"] {
        if let Some(value) = object.get(name).filter(|value| !value.is_null()) {
            transport[name] = value.clone();
        }
    }
    if let Some(Value::String(token)) = transport.get("authorization") {
        // The API takes the token alone.
        if !token.contains(' ') {
            transport["authorization"] = format!("Bearer {token}").into();
        }
    }
    let mut server = json!({
        "type": "mcp",
        "server_label": object.get("server_label"),
        "transport": transport,
        "allowed_tools": allowed(object.get("allowed_tools"), &at.field("allowed_tools"))?,
        "approval": approval(object.get("require_approval"), &at.field("require_approval"))?,
    });
    for name in ["safety", "required"] {
        if let Some(value) = object.get(name) {
            server[name] = value.clone();
        }
    }
    parse_at(server, at)
}

fn allowed(value: Option<&Value>, at: &At<'_>) -> Result<Value, ApiError> {
    match value {
        None | Some(Value::Null) => Ok(Value::Null),
        Some(names @ Value::Array(_)) => Ok(names.clone()),
        Some(Value::Object(filter)) => match (filter.get("tool_names"), filter.get("read_only")) {
            (Some(names), None | Some(Value::Null)) => Ok(names.clone()),
            _ => Err(at.refuse(ErrorCode::Unsupported, "filters by 'read_only'; name the tools")),
        },
        Some(_) => Err(at.invalid("is neither a list of names nor an object")),
    }
}

/// The API's own default is to ask.
fn approval(value: Option<&Value>, at: &At<'_>) -> Result<&'static str, ApiError> {
    match value {
        None | Some(Value::Null) => Ok("always"),
        Some(Value::String(mode)) if mode == "always" => Ok("always"),
        Some(Value::String(mode)) if mode == "never" => Ok("never"),
        Some(Value::Object(_)) => {
            let message = "names tools one by one; list the server twice, with 'allowed_tools'";
            Err(at.refuse(ErrorCode::Unsupported, message))
        }
        Some(_) => Err(at.invalid("is neither \"always\" nor \"never\"")),
    }
}

fn refuse_unknown(
    object: &Map<String, Value>,
    known: &[&str],
    at: &At<'_>,
) -> Result<(), ApiError> {
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let param = at.field(name).to_string();
            let message = format!("parameter '{param}' does not exist");
            Err(ApiError::new(ErrorCode::UnknownParameter, message).with_param(param))
        }
    }
}

/// A request's tools as the response repeats them: without what opens doors.
pub(crate) fn shown(tools: &[Value]) -> Vec<Value> {
    let mut tools = tools.to_vec();
    for tool in &mut tools {
        let Some(object) = tool.as_object_mut() else { continue };
        object.remove("authorization");
        object.remove("headers");
        if object.get("type").and_then(Value::as_str) == Some("function") {
            let strict = is_strict(object);
            object.insert("strict".to_owned(), strict.into());
            object.entry("parameters").or_insert(Value::Null);
        }
    }
    tools
}
