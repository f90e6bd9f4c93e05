//! Answers of Chat Completions, whole and in chunks.
//!
//! Invariant: members that clients read are always there, `null` when they have no value.

use mainstay_protocol::Usage;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::chat_message::ChatCalledFunction;
use crate::openapi::Tag;

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "object", rename = "chat.completion")]
#[schemars(rename = "ChatCompletion", transform = Tag("object", "chat.completion"))]
pub struct ChatCompletion {
    /// Its id.
    pub id: String,
    /// When it was asked for, in Unix seconds.
    pub created: u64,
    /// The model that answered, as the request or a fallback names it.
    pub model: String,
    /// The answer.
    pub choices: [ChatChoice; 1],
    /// Tokens.
    pub usage: ChatUsage,
    /// Not known here.
    pub system_fingerprint: Option<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChatChoice {
    /// Its position.
    pub index: u32,
    /// What was said.
    pub message: ChatAnswer,
    /// Why it ended.
    pub finish_reason: ChatFinish,
    /// Never known here.
    pub logprobs: Option<()>,
}

/// What was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "role", rename = "assistant")]
#[schemars(rename = "ChatAnswer", transform = Tag("role", "assistant"))]
pub struct ChatAnswer {
    /// Text.
    pub content: Option<String>,
    /// Why the model would not answer.
    pub refusal: Option<String>,
    /// Calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ChatAnswerCall>,
    /// What the text refers to; never known here.
    pub annotations: Vec<()>,
}

/// A call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename = "function")]
#[schemars(rename = "ChatAnswerCall", transform = Tag("type", "function"))]
pub struct ChatAnswerCall {
    /// Names the call in its output.
    pub id: String,
    /// What is called.
    pub function: ChatCalledFunction,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChatFinish {
    /// It is complete.
    Stop,
    /// A bound on tokens was reached.
    Length,
    /// It wants tools called.
    ToolCalls,
    /// The model or its provider would not answer.
    ContentFilter,
}

/// Tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChatUsage {
    /// Of the prompt.
    pub prompt_tokens: u64,
    /// Of the answer.
    pub completion_tokens: u64,
    /// Of both.
    pub total_tokens: u64,
    /// What the prompt's were.
    pub prompt_tokens_details: ChatPromptTokens,
    /// What the answer's were.
    pub completion_tokens_details: ChatCompletionTokens,
}

/// Tokens of the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChatPromptTokens {
    /// Read from the provider's cache.
    pub cached_tokens: u64,
}

/// Tokens of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChatCompletionTokens {
    /// Reasoning.
    pub reasoning_tokens: u64,
}

impl From<Usage> for ChatUsage {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.input_tokens,
            completion_tokens: usage.output_tokens,
            total_tokens: usage.input_tokens + usage.output_tokens,
            prompt_tokens_details: ChatPromptTokens { cached_tokens: usage.cached_input_tokens },
            completion_tokens_details: ChatCompletionTokens {
                reasoning_tokens: usage.reasoning_tokens,
            },
        }
    }
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "object", rename = "chat.completion.chunk")]
#[schemars(rename = "ChatCompletionChunk", transform = Tag("object", "chat.completion.chunk"))]
pub struct ChatCompletionChunk {
    /// The answer's id.
    pub id: String,
    /// When it was asked for, in Unix seconds.
    pub created: u64,
    /// The model that answers.
    pub model: String,
    /// What is new; nothing in the chunk that tells the tokens.
    pub choices: Vec<ChatChunkChoice>,
    /// Tokens, where they were asked for: `null` until the last chunk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Option<ChatUsage>>,
    /// Not known here.
    pub system_fingerprint: Option<String>,
}

/// What is new in a chunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChatChunkChoice {
    /// The answer's position.
    pub index: u32,
    /// What is new.
    pub delta: ChatDelta,
    /// Why the answer ended, in its last chunk.
    pub finish_reason: Option<ChatFinish>,
    /// Never known here.
    pub logprobs: Option<()>,
}

/// What is new.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChatDelta {
    /// Who speaks, in the first chunk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<ChatAnswerRole>,
    /// More text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Calls, each whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ChatDeltaCall>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChatAnswerRole {
    Assistant,
}

/// A call in a chunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChatDeltaCall {
    /// Its position among the answer's calls.
    pub index: u32,
    /// The call.
    #[serde(flatten)]
    pub call: ChatAnswerCall,
}
