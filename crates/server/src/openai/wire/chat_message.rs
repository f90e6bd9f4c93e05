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
    /// What an SDK's helper read of it; not passed on.
    #[serde(default)]
    pub parsed: Option<Value>,
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
    /// Its place in the chunks that an SDK's helper put together; not passed on.
    #[serde(default)]
    pub index: Option<u64>,
    /// What is called.
    pub function: ChatSentFunction,
}

/// What is called, as it is sent back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatSentFunction {
    /// The function.
    pub name: String,
    /// Its arguments, as the model wrote them.
    pub arguments: String,
    /// What an SDK's helper read of them; not passed on.
    #[serde(default)]
    pub parsed_arguments: Option<Value>,
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

/// Checks messages, and that calls and outputs belong together: a message with calls is followed by
/// an output of each, and an output by nothing before its call.
pub(super) fn validate_chat_messages(
    at: &At<'_>,
    messages: &[ChatMessage],
) -> Result<(), ApiError> {
    if messages.is_empty() {
        return Err(at.invalid("must not be empty"));
    }
    count(at, messages.len(), MAX_CHAT_MESSAGES)?;
    let mut asked = Asked::default();
    for (index, message) in messages.iter().enumerate() {
        let own = at.index(index);
        message.validate(&own)?;
        match message {
            ChatMessage::Tool(output) => {
                asked.answer(&own.field("tool_call_id"), &output.tool_call_id)?;
            }
            ChatMessage::Assistant(message) => {
                asked.all_answered(at)?;
                asked = Asked::of(message);
            }
            ChatMessage::Developer(_) | ChatMessage::System(_) | ChatMessage::User(_) => {
                asked.all_answered(at)?;
                asked = Asked::default();
            }
        }
    }
    asked.all_answered(at)
}

/// The calls of the message before, with their outputs.
#[derive(Default)]
struct Asked<'a> {
    calls: Vec<&'a str>,
    answered: HashSet<&'a str>,
}

impl<'a> Asked<'a> {
    fn of(message: &'a ChatAssistantMessage) -> Self {
        let calls = message.calls().iter().map(|ChatToolCall::Function(call)| &*call.id);
        Self { calls: calls.collect(), answered: HashSet::new() }
    }

    fn answer(&mut self, at: &At<'_>, id: &'a str) -> Result<(), ApiError> {
        if !self.calls.contains(&id) {
            let message = format!(
                "Invalid parameter: messages with role 'tool' must be a response to a preceding message \
                 with 'tool_calls', and {id:?} names none of its calls"
            );
            return Err(worded(at, message));
        }
        if self.answered.insert(id) {
            return Ok(());
        }
        Err(at.refuse(ErrorCode::CallAlreadyAnswered, format!("answers the call {id:?} again")))
    }

    /// Refuses, in the words that clients know, where a call has no output.
    fn all_answered(&self, at: &At<'_>) -> Result<(), ApiError> {
        let is_open = |id: &&&str| !self.answered.contains(**id);
        let open: Vec<&str> = self.calls.iter().filter(is_open).copied().collect();
        if open.is_empty() {
            return Ok(());
        }
        let message = format!(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each \
             'tool_call_id'. The following tool_call_ids did not have response messages: {}",
            open.join(", ")
        );
        Err(worded(at, message))
    }
}

/// A refusal in the API's own words, which applications look for.
fn worded(at: &At<'_>, message: String) -> ApiError {
    ApiError::new(ErrorCode::InvalidParameter, message).with_param(at.to_string())
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
