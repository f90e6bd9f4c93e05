//! The model port: a request in our types, a stream of parts, one reply.
//!
//! Invariant: a stream ends with exactly one `Done` or one error; what came before `Done` was only
//! for watching, and `Done` repeats all of it. Deliberately absent: retries and fallback, which
//! `decide` rules, and prompts' text layout, which each provider owns.

use std::sync::Arc;

use futures::stream::BoxStream;
use mainstay_protocol::{EffectId, SessionId, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::item::Item;
use crate::tool::ToolSpec;

/// How a model is asked to answer. Absent members are the model's own defaults.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelOptions {
    /// Sampling temperature, 0 to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Nucleus sampling, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// Bound on one answer, tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// Which tools the first step of a turn may or must call; later steps are free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<ToolChoice>,
    /// Whether one answer may hold several calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel_tool_calls: Option<bool>,
}

impl ModelOptions {
    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Which tools an answer may or must call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ToolChoice {
    /// As the model sees fit.
    Auto,
    /// None.
    None,
    /// At least one.
    Required,
    /// This one.
    Tool {
        /// Its name.
        name: String,
    },
    /// Only these.
    Allowed {
        /// Their names.
        names: Vec<String>,
        /// Whether at least one must be called.
        required: bool,
    },
}

/// One call of a model.
#[derive(Debug, Clone)]
pub struct ModelRequest {
    /// The effect it belongs to; providers that take an idempotency key get this.
    pub effect: EffectId,
    /// The session (cache affinity; embedded models keep a prefix per session).
    pub session: SessionId,
    /// The model's name at its provider, without the provider's prefix of a route.
    pub model: Arc<str>,
    /// The agent's instructions with what the runtime adds; byte-stable between steps.
    pub instructions: Arc<str>,
    /// The transcript, oldest first; byte-stable prefix between steps.
    pub items: Vec<Arc<Item>>,
    /// Tools that may be called, in a stable order.
    pub tools: Arc<[ToolSpec]>,
    /// `none|minimal|low|medium|high|xhigh|max`, or the model's default.
    pub reasoning_effort: Option<Arc<str>>,
    /// `low|medium|high`, or the model's default.
    pub verbosity: Option<Arc<str>>,
    /// A JSON schema the answer must follow: `{"name":…,"schema":{…},"strict":…}`. Without the
    /// schema the answer is any JSON object.
    pub response_schema: Option<Arc<Value>>,
    /// How to answer.
    pub options: ModelOptions,
    /// The whole call must end within this time.
    pub timeout_ms: u64,
}

/// What a part of a stream belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartKind {
    /// Text of the answer.
    Text,
    /// Summary of the model's reasoning.
    Reasoning,
    /// Arguments of a tool call, as JSON text.
    Arguments,
}

/// A piece of a model's stream.
#[derive(Debug, Clone)]
pub enum ModelPart {
    /// More text of the output at this index (0-based position in `ModelReply::outputs`).
    Delta {
        /// Position of the output.
        index: u32,
        /// What the text is.
        kind: PartKind,
        /// The text itself.
        text: String,
    },
    /// The whole answer. Nothing follows.
    Done(ModelReply),
}

/// A model's whole answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelReply {
    /// What it produced, in order.
    pub outputs: Vec<ModelOutput>,
    /// Tokens and price.
    pub usage: Usage,
    /// The model that answered, as the provider names it.
    pub model: String,
    /// Why it stopped.
    pub stop: StopReason,
}

/// One output of a model.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelOutput {
    /// Text for the user.
    Message {
        /// The text.
        text: String,
    },
    /// Reasoning: what may be shown, and what the provider wants back.
    Reasoning {
        /// What may be shown; may be empty.
        summary: String,
        /// Opaque data that the same provider needs in later requests (encrypted content,
        /// signatures), with the provider's name: `{"provider":"anthropic",…}`.
        provider_data: Option<Value>,
    },
    /// A tool call.
    ToolCall {
        /// The provider's id of the call; empty when it gives none.
        call_id: String,
        /// The tool's name as the model wrote it.
        name: String,
        /// The arguments as the model wrote them; not necessarily JSON.
        arguments: String,
    },
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// It said all it had to say, or wants tools called.
    End,
    /// It reached a bound on tokens.
    Length,
    /// It refused.
    Refusal,
}

/// Why a model call failed, by what is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelErrorKind {
    /// Too many requests: try again after the time given, or with backoff.
    RateLimited,
    /// Unreachable, overloaded, timed out, stream cut: try again.
    Unavailable,
    /// The answer was not an answer (broken stream, garbage): try again, a few times.
    Garbled,
    /// The context is too long: compact.
    ContextTooLong,
    /// The provider will not answer this request: do not try again.
    Refused,
    /// The request or the credentials are wrong: do not try again.
    Invalid,
}

/// A failed model call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ModelError {
    /// What to do next.
    pub kind: ModelErrorKind,
    /// What was attempted and what came back, without secrets.
    pub message: String,
    /// When the provider said to come back, in milliseconds from now.
    pub retry_after_ms: Option<u64>,
}

impl ModelError {
    /// An error without a `retry_after`.
    pub fn new(kind: ModelErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after_ms: None }
    }
}

/// What a model can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelCapabilities {
    /// Tokens of prompt and answer together.
    pub context_tokens: u64,
    /// Bound on one answer, tokens.
    pub max_output_tokens: u64,
    /// Whether it calls tools.
    pub tools: bool,
    /// Whether it reads images.
    pub images: bool,
}

/// A stream of parts; dropping it cancels the call.
pub type ModelStream = BoxStream<'static, Result<ModelPart, ModelError>>;

/// One model at one provider.
pub trait Model: Send + Sync {
    /// What it can do.
    fn capabilities(&self) -> ModelCapabilities;

    /// Calls it. Returns at once; work happens as the stream is polled.
    fn stream(&self, request: ModelRequest) -> ModelStream;

    /// The most that so many tokens of prompt and answer cost, in millionths of a US dollar; none of a
    /// model without a price.
    fn most_microusd(&self, _model: &str, _input_tokens: u64, _output_tokens: u64) -> Option<u64> {
        None
    }
}

/// A model that can be named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInfo {
    /// What an agent's `model` says to get it.
    pub name: String,
    /// The provider behind it.
    pub provider: String,
}

/// The models of this installation.
pub trait Models: Send + Sync {
    /// The model that an agent's `model` names: `provider/model`, or a name some provider claims,
    /// or any name where there is a default provider. The second value is the name to put into
    /// [`ModelRequest::model`].
    fn find(&self, name: &str) -> Option<(Arc<dyn Model>, Arc<str>)>;

    /// Models known by name (a provider may accept others too).
    fn list(&self) -> Vec<ModelInfo>;
}
