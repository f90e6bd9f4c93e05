//! Tools, the choice among them, and the form of the answer, in Chat Completions.
//!
//! Invariant: a choice names only tools of the request.

use mainstay_protocol::ApiError;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::limits::{
    MAX_TOOL_DESCRIPTION_CHARS, MAX_TOOL_NAME_CHARS, MAX_TOOLS, count, text, tool_name,
};
use super::parse::{kind, nested, tagged_params};
use super::settings::NoFields;
use super::{At, Validate};

tagged_params! {
    /// A tool.
    ChatTool by "type" {
        /// A function of the client.
        Function(ChatFunctionTool) = "function",
    }
}

/// A function of the client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatFunctionTool {
    /// What it is.
    pub function: ChatFunction,
}

/// What a function is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatFunction {
    /// Its name.
    #[schemars(regex(pattern = "^[a-zA-Z0-9_-]+$"), length(min = 1, max = MAX_TOOL_NAME_CHARS))]
    pub name: String,
    /// What the model reads about it.
    #[serde(default)]
    #[schemars(length(max = MAX_TOOL_DESCRIPTION_CHARS))]
    pub description: Option<String>,
    /// JSON schema of its arguments.
    #[serde(default)]
    pub parameters: Option<Map<String, Value>>,
    /// Whether the provider holds the model to the schema.
    #[serde(default)]
    pub strict: Option<bool>,
}

/// Which tools an answer may or must call.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum ChatToolChoice {
    /// Any, none, or at least one.
    Mode(ChatToolMode),
    /// One, or some.
    Named(ChatNamedChoice),
}

/// Whether tools are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChatToolMode {
    None,
    Auto,
    Required,
}

tagged_params! {
    /// A choice that names tools.
    ChatNamedChoice by "type" {
        /// This one must be called.
        Function(ChatNamedFunction) = "function",
        /// Only these may be called.
        Allowed(ChatAllowedChoice) = "allowed_tools",
    }
}

/// A tool by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatNamedFunction {
    /// The function.
    pub function: ChatFunctionName,
}

/// A function's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatFunctionName {
    /// The name.
    pub name: String,
}

/// Only these may be called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatAllowedChoice {
    /// Which, and whether one must be.
    pub allowed_tools: ChatAllowedTools,
}

/// Tools that may be called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatAllowedTools {
    /// Whether one must be.
    pub mode: ChatAllowedMode,
    /// The tools.
    #[schemars(length(min = 1))]
    pub tools: Vec<ChatAllowedTool>,
}

/// Whether one of the allowed tools must be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChatAllowedMode {
    Auto,
    Required,
}

tagged_params! {
    /// A tool that may be called.
    ChatAllowedTool by "type" {
        /// A function.
        Function(ChatNamedFunction) = "function",
    }
}

tagged_params! {
    /// What the answer's text must be.
    ChatResponseFormat by "type" {
        /// Ordinary text.
        Text(NoFields) = "text",
        /// Any JSON object.
        JsonObject(NoFields) = "json_object",
        /// JSON that fits a schema.
        JsonSchema(ChatJsonSchemaFormat) = "json_schema",
    }
}

/// JSON that fits a schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatJsonSchemaFormat {
    /// The schema.
    pub json_schema: ChatJsonSchema,
}

/// A named schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatJsonSchema {
    /// Its name.
    #[schemars(regex(pattern = "^[a-zA-Z0-9_-]+$"), length(min = 1, max = MAX_TOOL_NAME_CHARS))]
    pub name: String,
    /// What the model reads about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_TOOL_DESCRIPTION_CHARS))]
    pub description: Option<String>,
    /// The JSON schema; any object when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Map<String, Value>>,
    /// Whether the provider holds the model to the schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}

impl<'de> Deserialize<'de> for ChatToolChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            mode @ Value::String(_) => nested(mode).map(Self::Mode),
            named @ Value::Object(_) => nested(named).map(Self::Named),
            other => Err(serde::de::Error::custom(format!(
                "invalid type: {}, expected a string or an object",
                kind(&other)
            ))),
        }
    }
}

impl ChatToolChoice {
    /// Refuses a choice that the tools do not allow.
    pub(super) fn validate(&self, at: &At<'_>, tools: &[ChatTool]) -> Result<(), ApiError> {
        let is_offered =
            |name: &str| tools.iter().any(|ChatTool::Function(tool)| tool.function.name == name);
        let check = |at: &At<'_>, named: &ChatNamedFunction| {
            let name = &named.function.name;
            if is_offered(name) {
                return Ok(());
            }
            Err(at.field("function").field("name").invalid(format!("{name:?} is none of 'tools'")))
        };
        match self {
            Self::Mode(ChatToolMode::None | ChatToolMode::Auto) => Ok(()),
            Self::Mode(ChatToolMode::Required) if tools.is_empty() => {
                Err(at.invalid("is \"required\", and 'tools' is empty"))
            }
            Self::Mode(ChatToolMode::Required) => Ok(()),
            Self::Named(ChatNamedChoice::Function(named)) => check(at, named),
            Self::Named(ChatNamedChoice::Allowed(allowed)) => {
                let at = at.field("allowed_tools");
                let at = at.field("tools");
                let allowed = &allowed.allowed_tools.tools;
                if allowed.is_empty() {
                    return Err(at.invalid("must not be empty"));
                }
                allowed.iter().enumerate().try_for_each(
                    |(index, ChatAllowedTool::Function(named))| check(&at.index(index), named),
                )
            }
        }
    }
}

/// Checks tools, and that no two have one name.
pub(super) fn validate_tools(at: &At<'_>, tools: &[ChatTool]) -> Result<(), ApiError> {
    count(at, tools.len(), MAX_TOOLS)?;
    let mut names = std::collections::HashSet::new();
    tools.iter().enumerate().try_for_each(|(index, ChatTool::Function(tool))| {
        let at = at.index(index);
        let at = at.field("function");
        tool.function.validate(&at)?;
        if names.insert(&tool.function.name) {
            return Ok(());
        }
        Err(at.field("name").invalid(format!("{:?} is another tool's name", tool.function.name)))
    })
}

impl Validate for ChatFunction {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        tool_name(&at.field("name"), &self.name)?;
        let description = self.description.as_deref().unwrap_or_default();
        text(&at.field("description"), description, MAX_TOOL_DESCRIPTION_CHARS)
    }
}

impl Validate for ChatResponseFormat {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        let Self::JsonSchema(format) = self else { return Ok(()) };
        let at = at.field("json_schema");
        tool_name(&at.field("name"), &format.json_schema.name)?;
        let description = format.json_schema.description.as_deref().unwrap_or_default();
        text(&at.field("description"), description, MAX_TOOL_DESCRIPTION_CHARS)
    }
}
