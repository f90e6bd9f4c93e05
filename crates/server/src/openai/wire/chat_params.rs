//! `POST /chat/completions`.
//!
//! Invariant: every parameter of the API is read. What would change the answer and is not supported
//! is refused by its name; what only advises a provider or a bill is read and not passed on.

use std::collections::BTreeMap;

use mainstay_protocol::{ApiError, ErrorCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::chat_message::{ChatMessage, MAX_CHAT_MESSAGES, validate_chat_messages};
use super::chat_tool::{ChatResponseFormat, ChatTool, ChatToolChoice, validate_tools};
use super::limits::{
    MAX_FALLBACK_MODELS, MAX_LINE_CHARS, MAX_MODEL_CHARS, MAX_TOOLS, count, filled, metadata, text,
};
use super::settings::{ReasoningEffort, Verbosity};
use super::{At, Validate};
use crate::openapi::Metadata;

/// The highest temperature.
const MAX_TEMPERATURE: f64 = 2.0;
/// The longest bound on an answer, in tokens.
const MAX_ANSWER_TOKENS: u64 = 10_000_000;

/// A request for one answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatCompletionParams {
    /// A model's name.
    #[schemars(length(min = 1, max = MAX_MODEL_CHARS))]
    pub model: String,
    /// The conversation so far.
    #[schemars(length(min = 1, max = MAX_CHAT_MESSAGES))]
    pub messages: Vec<ChatMessage>,
    /// Tools that may be called.
    #[serde(default)]
    #[schemars(length(max = MAX_TOOLS))]
    pub tools: Option<Vec<ChatTool>>,
    /// Which of them.
    #[serde(default)]
    pub tool_choice: Option<ChatToolChoice>,
    /// Whether one answer may hold several calls.
    #[serde(default)]
    pub parallel_tool_calls: Option<bool>,
    /// What the answer's text must be.
    #[serde(default)]
    pub response_format: Option<ChatResponseFormat>,
    /// Bound on the answer, in tokens.
    #[serde(default)]
    #[schemars(range(min = 1, max = MAX_ANSWER_TOKENS))]
    pub max_completion_tokens: Option<u64>,
    /// The same under its older name.
    #[serde(default)]
    #[schemars(range(min = 1, max = MAX_ANSWER_TOKENS))]
    pub max_tokens: Option<u64>,
    /// Sampling temperature.
    #[serde(default)]
    #[schemars(range(min = 0, max = 2))]
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    pub top_p: Option<f64>,
    /// How hard the model thinks.
    #[serde(default)]
    pub reasoning_effort: Option<ReasoningEffort>,
    /// How much text it writes.
    #[serde(default)]
    pub verbosity: Option<Verbosity>,
    /// Whether the answer comes in chunks.
    #[serde(default)]
    pub stream: Option<bool>,
    /// What the chunks hold.
    #[serde(default)]
    pub stream_options: Option<ChatStreamOptions>,
    /// Mainstay's own settings (extension).
    #[serde(default)]
    pub mainstay: Option<ChatRuntimeSettings>,
    /// Groups requests that begin alike, for the provider's cache.
    #[serde(default)]
    #[schemars(length(max = MAX_LINE_CHARS))]
    pub prompt_cache_key: Option<String>,
    /// Read and not passed on.
    #[serde(default)]
    pub prompt_cache_options: Option<Value>,
    /// Read and not passed on.
    #[serde(default)]
    pub prompt_cache_retention: Option<Value>,
    /// Read and not passed on.
    #[serde(default)]
    #[schemars(length(max = MAX_LINE_CHARS))]
    pub safety_identifier: Option<String>,
    /// Read and not passed on.
    #[serde(default)]
    #[schemars(length(max = MAX_LINE_CHARS))]
    pub user: Option<String>,
    /// Read and not kept: nothing is.
    #[serde(default)]
    #[schemars(with = "Option<Metadata>")]
    pub metadata: Option<BTreeMap<String, String>>,
    #[serde(default)]
    #[schemars(extend("enum" = [Value::Null]))]
    audio: Option<Value>,
    #[serde(default)]
    #[schemars(extend("enum" = [Value::Null, json!(0)]))]
    frequency_penalty: Option<Value>,
    #[serde(default)]
    #[schemars(extend("enum" = [Value::Null]))]
    function_call: Option<Value>,
    #[serde(default)]
    #[schemars(extend("enum" = [Value::Null]))]
    functions: Option<Value>,
    #[serde(default)]
    #[schemars(extend("enum" = [Value::Null, json!({})]))]
    logit_bias: Option<Value>,
    #[serde(default)]
    #[schemars(extend("enum" = [Value::Null, json!(false)]))]
    logprobs: Option<Value>,
    #[serde(default)]
    #[schemars(extend("enum" = [Value::Null, json!(["text"])]))]
    modalities: Option<Value>,
    #[serde(default)]
    #[schemars(extend("enum" = [Value::Null]))]
    moderation: Option<Value>,
    #[serde(default)]
    #[schemars(extend("enum" = [Value::Null, json!(1)]))]
    n: Option<Value>,
    #[serde(default)]
    #[schemars(extend("enum" = [Value::Null]))]
    prediction: Option<Value>,
    #[serde(default)]
    #[schemars(extend("enum" = [Value::Null, json!(0)]))]
    presence_penalty: Option<Value>,
    #[serde(default)]
    #[schemars(extend("enum" = [Value::Null]))]
    seed: Option<Value>,
    #[serde(default)]
    #[schemars(extend("enum" = [Value::Null, json!("auto"), json!("default")]))]
    service_tier: Option<Value>,
    #[serde(default)]
    #[schemars(extend("enum" = [Value::Null, json!([])]))]
    stop: Option<Value>,
    #[serde(default)]
    #[schemars(extend("enum" = [Value::Null, json!(false)]))]
    store: Option<Value>,
    #[serde(default)]
    #[schemars(extend("enum" = [Value::Null, json!(0)]))]
    top_logprobs: Option<Value>,
    #[serde(default)]
    #[schemars(extend("enum" = [Value::Null]))]
    web_search_options: Option<Value>,
}

/// What the chunks of a stream hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatStreamOptions {
    /// Whether the last chunk tells the tokens.
    #[serde(default)]
    pub include_usage: Option<bool>,
    /// Whether sizes are hidden by padding; there is none.
    #[serde(default)]
    pub include_obfuscation: Option<bool>,
}

/// Mainstay's own settings of one answer (extension `mainstay`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatRuntimeSettings {
    /// Models to use, in order, when the first fails.
    #[serde(default)]
    #[schemars(length(max = MAX_FALLBACK_MODELS), inner(length(min = 1, max = MAX_MODEL_CHARS)))]
    pub fallback_models: Vec<String>,
}

impl ChatCompletionParams {
    /// The bound on the answer, in tokens, under whichever name it came.
    #[must_use]
    pub fn answer_tokens(&self) -> Option<u64> {
        self.max_completion_tokens.or(self.max_tokens)
    }

    /// What is not supported, with the values that mean that it is not asked for.
    fn refused(&self) -> [(&'static str, Option<&Value>, Vec<Value>); 17] {
        let tiers = || vec![json!("auto"), json!("default")];
        [
            ("audio", self.audio.as_ref(), vec![]),
            ("frequency_penalty", self.frequency_penalty.as_ref(), vec![json!(0), json!(0.0)]),
            ("function_call", self.function_call.as_ref(), vec![]),
            ("functions", self.functions.as_ref(), vec![]),
            ("logit_bias", self.logit_bias.as_ref(), vec![json!({})]),
            ("logprobs", self.logprobs.as_ref(), vec![json!(false)]),
            ("modalities", self.modalities.as_ref(), vec![json!(["text"])]),
            ("moderation", self.moderation.as_ref(), vec![]),
            ("n", self.n.as_ref(), vec![json!(1)]),
            ("prediction", self.prediction.as_ref(), vec![]),
            ("presence_penalty", self.presence_penalty.as_ref(), vec![json!(0), json!(0.0)]),
            ("seed", self.seed.as_ref(), vec![]),
            ("service_tier", self.service_tier.as_ref(), tiers()),
            ("stop", self.stop.as_ref(), vec![json!([])]),
            ("store", self.store.as_ref(), vec![json!(false)]),
            ("top_logprobs", self.top_logprobs.as_ref(), vec![json!(0)]),
            ("web_search_options", self.web_search_options.as_ref(), vec![]),
        ]
    }
}

/// Why a parameter is refused, and what to do instead.
fn refusal(name: &str, taken: &[Value]) -> String {
    match name {
        "functions" | "function_call" => {
            "is not supported; use 'tools' and 'tool_choice'".to_owned()
        }
        "store" => "is not supported: nothing of an answer is kept; use /v1/responses".to_owned(),
        "n" => "is not supported beyond 1; send the request as often as needed".to_owned(),
        _ if taken.is_empty() => "is not supported; leave it out".to_owned(),
        _ => format!("is not supported; leave it out, or send {}", taken[0]),
    }
}

impl Validate for ChatCompletionParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        for (name, value, taken) in self.refused() {
            if value.is_some_and(|value| !taken.contains(value)) {
                return Err(at.field(name).refuse(ErrorCode::Unsupported, refusal(name, &taken)));
            }
        }
        filled(&at.field("model"), &self.model, MAX_MODEL_CHARS)?;
        validate_chat_messages(&at.field("messages"), &self.messages)?;
        let tools = self.tools.as_deref().unwrap_or_default();
        validate_tools(&at.field("tools"), tools)?;
        if let Some(choice) = &self.tool_choice {
            choice.validate(&at.field("tool_choice"), tools)?;
        }
        self.response_format.validate(&at.field("response_format"))?;
        self.validate_numbers(at)?;
        self.validate_advice(at)
    }
}

impl ChatCompletionParams {
    fn validate_numbers(&self, at: &At<'_>) -> Result<(), ApiError> {
        for (name, bound) in
            [("max_completion_tokens", self.max_completion_tokens), ("max_tokens", self.max_tokens)]
        {
            if let Some(bound) = bound.filter(|bound| !(1..=MAX_ANSWER_TOKENS).contains(bound)) {
                let message = format!("is {bound}, not 1 to {MAX_ANSWER_TOKENS}");
                return Err(at.field(name).invalid(message));
            }
        }
        if let (Some(new), Some(old)) = (self.max_completion_tokens, self.max_tokens)
            && new != old
        {
            let message = format!("is {old}, and 'max_completion_tokens' is {new}; send one");
            return Err(at.field("max_tokens").invalid(message));
        }
        for (name, value, most) in
            [("temperature", self.temperature, MAX_TEMPERATURE), ("top_p", self.top_p, 1.0)]
        {
            if let Some(value) = value.filter(|value| !(0.0..=most).contains(value)) {
                return Err(at.field(name).invalid(format!("is {value}, not 0 to {most}")));
            }
        }
        if self.stream_options.is_some() && self.stream != Some(true) {
            return Err(at.field("stream_options").invalid("belongs to \"stream\": true"));
        }
        Ok(())
    }

    fn validate_advice(&self, at: &At<'_>) -> Result<(), ApiError> {
        for (name, value) in [
            ("prompt_cache_key", &self.prompt_cache_key),
            ("safety_identifier", &self.safety_identifier),
            ("user", &self.user),
        ] {
            text(&at.field(name), value.as_deref().unwrap_or_default(), MAX_LINE_CHARS)?;
        }
        if let Some(pairs) = &self.metadata {
            metadata(&at.field("metadata"), pairs)?;
        }
        let Some(settings) = &self.mainstay else { return Ok(()) };
        let at = at.field("mainstay");
        let at = at.field("fallback_models");
        count(&at, settings.fallback_models.len(), MAX_FALLBACK_MODELS)?;
        settings
            .fallback_models
            .iter()
            .enumerate()
            .try_for_each(|(index, model)| filled(&at.index(index), model, MAX_MODEL_CHARS))
    }
}
