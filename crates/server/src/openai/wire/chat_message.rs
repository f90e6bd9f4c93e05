//! The messages of Chat Completions.
//!
//! Invariant: an answer of this server can be sent back as it came, with its empty members.

use std::collections::HashSet;

use mainstay_protocol::{ApiError, ErrorCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::chat_content::{ChatAssistantPart, ChatContent, ChatTextPart, ChatUserPart};
use super::limits::{MAX_TEXT_CHARS, count, id, text, tool_name};
use super::parse::tagged_params;
use super::{At, Validate};

/// Most messages in one request.
pub const MAX_CHAT_MESSAGES: usize = 4_096;
/// Most calls in one message.
pub const MAX_CHAT_CALLS: usize = 128;

tagged_params! {
    /// A message.
    ChatMessage by "role" {
        /// From the application.
        Developer(ChatInstruction) = "developer",
        /// From the application.
        System(ChatInstruction) = "system",
        /// From the user.
        User(ChatUserMessage) = "user",
        /// From the model.
        Assistant(ChatAssistantMessage) = "assistant",
        /// What a call gave.
        Tool(ChatToolMessage) = "tool",
    }
}

/// What the application says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatInstruction {
    /// Its text.
    pub content: ChatContent<ChatTextPart>,
    /// Who says it; refused.
    #[serde(default)]
    pub name: Option<String>,
}

/// What the user says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatUserMessage {
    /// Text and images.
    pub content: ChatContent<ChatUserPart>,
    /// Who says it; refused.
    #[serde(default)]
    pub name: Option<String>,
}

/// What the model said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatAssistantMessage {
    /// Its text.
    #[serde(default)]
    pub content: Option<ChatContent<ChatAssistantPart>>,
    /// Why it would not answer.
    #[serde(default)]
    pub refusal: Option<String>,
    /// The tools it wanted called.
    #[serde(default)]
    pub tool_calls: Option<Vec<ChatToolCall>>,
    /// What its text refers to; not passed on.
    #[serde(default)]
    pub annotations: Option<Vec<Value>>,
    /// Who said it; refused.
    #[serde(default)]
    pub name: Option<String>,
    /// What it spoke; refused.
    #[serde(default)]
    pub audio: Option<Value>,
    /// The older form of a call; refused.
    #[serde(default)]
    pub function_call: Option<Value>,
}

tagged_params! {
    /// A call.
    ChatToolCall by "type" {
        /// Of a function.
        Function(ChatFunctionCall) = "function",
    }
}

/// A call of a function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatFunctionCall {
    /// Names the call in its output.
    pub id: String,
    /// What is called.
    pub function: ChatCalledFunction,
}

/// What is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatCalledFunction {
    /// The function.
    pub name: String,
    /// Its arguments, as the model wrote them.
    pub arguments: String,
}

/// What a call gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatToolMessage {
    /// The output.
    pub content: ChatContent<ChatTextPart>,
    /// The call.
    pub tool_call_id: String,
}

impl ChatAssistantMessage {
    fn calls(&self) -> &[ChatToolCall] {
        self.tool_calls.as_deref().unwrap_or_default()
    }
}

/// Checks messages, and that every output belongs to a call before it.
pub(super) fn validate_chat_messages(
    at: &At<'_>,
    messages: &[ChatMessage],
) -> Result<(), ApiError> {
    if messages.is_empty() {
        return Err(at.invalid("must not be empty"));
    }
    count(at, messages.len(), MAX_CHAT_MESSAGES)?;
    let mut called: HashSet<&str> = HashSet::new();
    for (index, message) in messages.iter().enumerate() {
        let at = at.index(index);
        message.validate(&at)?;
        match message {
            ChatMessage::Assistant(message) => {
                called.extend(message.calls().iter().map(|ChatToolCall::Function(call)| &*call.id));
            }
            ChatMessage::Tool(output) if !called.contains(&*output.tool_call_id) => {
                let message =
                    format!("{:?} names no call of a message before", output.tool_call_id);
                return Err(at.field("tool_call_id").invalid(message));
            }
            ChatMessage::Tool(_)
            | ChatMessage::Developer(_)
            | ChatMessage::System(_)
            | ChatMessage::User(_) => {}
        }
    }
    Ok(())
}

impl Validate for ChatMessage {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        match self {
            Self::Developer(message) | Self::System(message) => {
                refuse_name(at, message.name.as_ref())?;
                message.content.validate(&at.field("content"))
            }
            Self::User(message) => {
                refuse_name(at, message.name.as_ref())?;
                message.content.validate(&at.field("content"))
            }
            Self::Assistant(message) => message.validate(at),
            Self::Tool(message) => {
                id(&at.field("tool_call_id"), &message.tool_call_id)?;
                message.content.validate(&at.field("content"))
            }
        }
    }
}

impl Validate for ChatAssistantMessage {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        refuse_name(at, self.name.as_ref())?;
        for (name, value) in [("audio", &self.audio), ("function_call", &self.function_call)] {
            if value.is_some() {
                return Err(at.field(name).refuse(ErrorCode::Unsupported, "is not supported"));
            }
        }
        if self.content.is_none() && self.refusal.is_none() && self.calls().is_empty() {
            return Err(at.field("content").missing("is missing, and there are no calls either"));
        }
        self.content.validate(&at.field("content"))?;
        if let Some(refusal) = &self.refusal {
            text(&at.field("refusal"), refusal, MAX_TEXT_CHARS)?;
        }
        let calls = at.field("tool_calls");
        count(&calls, self.calls().len(), MAX_CHAT_CALLS)?;
        self.calls().iter().enumerate().try_for_each(|(index, ChatToolCall::Function(call))| {
            let at = calls.index(index);
            id(&at.field("id"), &call.id)?;
            let function = at.field("function");
            tool_name(&function.field("name"), &call.function.name)?;
            text(&function.field("arguments"), &call.function.arguments, MAX_TEXT_CHARS)
        })
    }
}

/// Models are told roles, not names.
fn refuse_name(at: &At<'_>, name: Option<&String>) -> Result<(), ApiError> {
    match name {
        None => Ok(()),
        Some(_) => Err(at
            .field("name")
            .refuse(ErrorCode::Unsupported, "is not supported; say in the text who speaks")),
    }
}
