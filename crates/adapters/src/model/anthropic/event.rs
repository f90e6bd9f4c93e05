//! The shapes of a Messages stream, as much of them as is read.
//!
//! Invariant: an unknown kind of event, block or delta reads as `Other` and never breaks a stream.

use serde::Deserialize;
use serde_json::Value;

use crate::model::catalogue::TokenCounts;

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Event {
    MessageStart {
        message: MessageObject,
    },
    ContentBlockStart {
        index: u64,
        content_block: Block,
    },
    ContentBlockDelta {
        index: u64,
        delta: Delta,
    },
    MessageDelta {
        delta: MessageChange,
        #[serde(default)]
        usage: Option<WireUsage>,
    },
    MessageStop,
    Error {
        error: Value,
    },
    #[serde(other)]
    Other,
}

/// A message, whole or at its start.
#[derive(Deserialize)]
pub(super) struct MessageObject {
    #[serde(default)]
    pub(super) model: String,
    #[serde(default)]
    pub(super) content: Vec<Block>,
    #[serde(default)]
    pub(super) stop_reason: Option<String>,
    #[serde(default)]
    pub(super) usage: Option<WireUsage>,
}

#[derive(Deserialize)]
pub(super) struct MessageChange {
    #[serde(default)]
    pub(super) stop_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block {
    Text {
        #[serde(default)]
        text: String,
    },
    Thinking {
        #[serde(default)]
        thinking: String,
        #[serde(default)]
        signature: String,
    },
    RedactedThinking {
        data: String,
    },
    ToolUse {
        #[serde(default)]
        id: String,
        name: String,
        #[serde(default)]
        input: Value,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::enum_variant_names, reason = "the names are the API's")]
pub(super) enum Delta {
    TextDelta {
        text: String,
    },
    ThinkingDelta {
        thinking: String,
    },
    SignatureDelta {
        signature: String,
    },
    InputJsonDelta {
        partial_json: String,
    },
    #[serde(other)]
    Other,
}

/// Tokens; what a later event leaves out stays as it was.
#[derive(Deserialize)]
pub(super) struct WireUsage {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: Option<u64>,
    #[serde(default)]
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Deserialize)]
struct OutputDetails {
    #[serde(default)]
    thinking_tokens: Option<u64>,
}

impl WireUsage {
    /// Brings counts up to date. The API's `input_tokens` are those that no cache had a part in.
    pub(super) fn update(&self, counts: &mut TokenCounts) {
        let cached = counts.cached_input.saturating_add(counts.cache_write);
        let plain = counts.input.saturating_sub(cached);
        let plain = self.input_tokens.unwrap_or(plain);
        counts.cached_input = self.cache_read_input_tokens.unwrap_or(counts.cached_input);
        counts.cache_write = self.cache_creation_input_tokens.unwrap_or(counts.cache_write);
        counts.input = plain.saturating_add(counts.cached_input).saturating_add(counts.cache_write);
        counts.output = self.output_tokens.unwrap_or(counts.output);
        let details = self.output_tokens_details.as_ref();
        let thinking = details.and_then(|details| details.thinking_tokens);
        counts.reasoning = thinking.unwrap_or(counts.reasoning);
    }
}
