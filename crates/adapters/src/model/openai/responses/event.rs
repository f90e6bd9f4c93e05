//! The shapes of a Responses stream, as much of them as is read.
//!
//! Invariant: parts whose shape depends on the kind of event or item stay unparsed until the kind is
//! known, so that an unknown kind never breaks a stream.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::model::catalogue::TokenCounts;

/// One event.
#[derive(Deserialize)]
pub(super) struct Event<'a> {
    #[serde(default, rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) output_index: Option<u64>,
    #[serde(borrow, default)]
    pub(super) delta: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) item: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) response: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) error: Option<Value>,
    #[serde(default)]
    pub(super) code: Option<Value>,
    #[serde(default)]
    pub(super) message: Option<Value>,
}

/// The kind of an item.
#[derive(Deserialize)]
pub(super) struct ItemKind {
    #[serde(rename = "type")]
    pub(super) kind: String,
}

/// A message of the model.
#[derive(Deserialize)]
pub(super) struct MessageItem {
    #[serde(default)]
    pub(super) content: Vec<MessagePart>,
}

/// A part of a message.
#[derive(Deserialize)]
pub(super) struct MessagePart {
    #[serde(default)]
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) refusal: Option<String>,
}

/// A call of a function.
#[derive(Deserialize)]
pub(super) struct CallItem {
    #[serde(default)]
    pub(super) call_id: Option<String>,
    #[serde(default)]
    pub(super) id: Option<String>,
    pub(super) name: String,
    #[serde(default)]
    pub(super) arguments: String,
}

/// Reasoning of the model.
#[derive(Deserialize)]
pub(super) struct ReasoningItem {
    #[serde(default)]
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) summary: Vec<MessagePart>,
    #[serde(default)]
    pub(super) content: Option<Vec<MessagePart>>,
    #[serde(default)]
    pub(super) encrypted_content: Option<String>,
}

/// A response, whole or at one of its stages.
#[derive(Deserialize)]
pub(super) struct ResponseObject<'a> {
    #[serde(default)]
    pub(super) model: Option<String>,
    #[serde(default)]
    pub(super) status: Option<String>,
    #[serde(borrow, default)]
    pub(super) output: Option<Vec<&'a RawValue>>,
    #[serde(default)]
    pub(super) usage: Option<WireUsage>,
    #[serde(default)]
    pub(super) error: Option<Value>,
    #[serde(default)]
    pub(super) incomplete_details: Option<IncompleteDetails>,
}

/// Why a response is not complete.
#[derive(Deserialize)]
pub(super) struct IncompleteDetails {
    #[serde(default)]
    pub(super) reason: Option<String>,
}

/// Tokens.
#[derive(Deserialize)]
pub(super) struct WireUsage {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
    #[serde(default)]
    input_tokens_details: Option<InputDetails>,
    #[serde(default)]
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Deserialize)]
struct InputDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
    #[serde(default)]
    cache_write_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct OutputDetails {
    #[serde(default)]
    reasoning_tokens: Option<u64>,
}

impl WireUsage {
    pub(super) fn counts(&self) -> TokenCounts {
        let input = self.input_tokens_details.as_ref();
        let output = self.output_tokens_details.as_ref();
        TokenCounts {
            input: self.input_tokens,
            cached_input: input.and_then(|details| details.cached_tokens).unwrap_or(0),
            cache_write: input.and_then(|details| details.cache_write_tokens).unwrap_or(0),
            output: self.output_tokens,
            reasoning: output.and_then(|details| details.reasoning_tokens).unwrap_or(0),
        }
    }
}
