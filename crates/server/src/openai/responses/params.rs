//! `POST /v1/responses` as it is asked for.
//!
//! Invariant: the members are those of the official SDK (`openai` 3.54,
//! `types/responses/response_create_params.py`); what this server cannot do as asked is refused by
//! name, what changes nothing is accepted and repeated. Deliberately absent: input items ([`super::input`]) and
//! tools ([`super::tools`]).

use std::collections::BTreeMap;

use mainstay_protocol::{ApiError, ErrorCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::shapes::{ReasoningChoice, ResponseInput, ResponseTool};
use super::tools::ToolChoiceParams;
use crate::openai::wire::{At, Reasoning as AgentReasoning, Validate, check_metadata};
use crate::openapi::Metadata;

/// The least bound on an answer.
const MIN_OUTPUT_TOKENS: u64 = 16;
/// The least size at which a context is summarised.
const MIN_COMPACT_TOKENS: u64 = 1_000;

/// The body.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ResponseCreateParams {
    #[schemars(with = "()")]
    pub(crate) access_programs: Option<Value>,
    pub(crate) background: Option<bool>,
    pub(crate) background_options: Option<Value>,
    pub(crate) context_management: Option<Vec<ContextManagement>>,
    pub(crate) conversation: Option<ConversationRef>,
    #[schemars(with = "()")]
    pub(crate) image: Option<Value>,
    pub(crate) include: Option<Vec<String>>,
    #[schemars(with = "Option<ResponseInput>")]
    pub(crate) input: Option<Value>,
    pub(crate) instructions: Option<String>,
    #[schemars(range(min = MIN_OUTPUT_TOKENS))]
    pub(crate) max_output_tokens: Option<u64>,
    pub(crate) max_tool_calls: Option<u32>,
    #[schemars(with = "Option<Metadata>")]
    pub(crate) metadata: Option<BTreeMap<String, String>>,
    pub(crate) model: Option<String>,
    #[schemars(with = "()")]
    pub(crate) moderation: Option<Value>,
    pub(crate) parallel_tool_calls: Option<bool>,
    pub(crate) previous_response_id: Option<String>,
    #[schemars(with = "()")]
    pub(crate) prompt: Option<Value>,
    pub(crate) prompt_cache_key: Option<String>,
    pub(crate) prompt_cache_options: Option<Value>,
    pub(crate) prompt_cache_retention: Option<String>,
    #[schemars(with = "Option<ReasoningChoice>")]
    pub(crate) reasoning: Option<Map<String, Value>>,
    pub(crate) safety_identifier: Option<String>,
    #[schemars(extend("enum" = [None::<&str>, Some("auto"), Some("default")]))]
    pub(crate) service_tier: Option<String>,
    pub(crate) store: Option<bool>,
    pub(crate) stream: Option<bool>,
    pub(crate) stream_options: Option<StreamOptions>,
    #[schemars(range(min = 0, max = 2))]
    pub(crate) temperature: Option<f64>,
    pub(crate) text: Option<TextParams>,
    pub(crate) tool_choice: Option<ToolChoiceParams>,
    #[schemars(with = "Option<Vec<ResponseTool>>")]
    pub(crate) tools: Option<Vec<Value>>,
    #[schemars(range(max = 0))]
    pub(crate) top_logprobs: Option<u64>,
    #[schemars(range(min = 0, max = 1))]
    pub(crate) top_p: Option<f64>,
    pub(crate) truncation: Option<Truncation>,
    pub(crate) user: Option<String>,
}

/// When a context is summarised.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContextManagement {
    #[schemars(extend("const" = "compaction"))]
    pub(crate) r#type: String,
    #[serde(default)]
    #[schemars(range(min = MIN_COMPACT_TOKENS))]
    pub(crate) compact_threshold: Option<u64>,
}

/// A conversation, by its id or as an object.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum ConversationRef {
    /// The id alone.
    Id(String),
    /// `{"id": …}`.
    Object {
        /// The id.
        id: String,
    },
}

impl ConversationRef {
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Id(id) | Self::Object { id } => id,
        }
    }
}

/// How an answer is streamed.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "ResponseStreamOptions")]
pub(crate) struct StreamOptions {
    /// Accepted; this server never pads.
    pub(crate) include_obfuscation: Option<bool>,
}

/// What the answer's text is like.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "ResponseTextParams")]
pub(crate) struct TextParams {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<TextFormat>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verbosity: Option<Verbosity>,
}

/// How long answers are.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ResponseVerbosity")]
pub(crate) enum Verbosity {
    Low,
    Medium,
    High,
}

impl Verbosity {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// The form of the answer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schemars(rename = "ResponseTextFormat")]
pub(crate) enum TextFormat {
    /// Plain text.
    Text,
    /// A JSON object without a schema.
    JsonObject,
    /// A JSON object that follows a schema.
    JsonSchema {
        name: String,
        schema: Map<String, Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        strict: Option<bool>,
    },
}

/// What happens when the context is too long. It is summarised either way.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Truncation {
    Auto,
    Disabled,
}

impl ResponseCreateParams {
    /// The reasoning that an agent would be given.
    pub(crate) fn reasoning(&self) -> Result<Option<AgentReasoning>, ApiError> {
        let Some(asked) = &self.reasoning else { return Ok(None) };
        let at = At::Root.field("reasoning");
        let mut kept = Map::new();
        for (name, value) in asked {
            match name.as_str() {
                "effort" => drop(kept.insert(name.clone(), value.clone())),
                // The older name of the same thing.
                "summary" | "generate_summary" if !value.is_null() => {
                    kept.insert("summary".to_owned(), value.clone());
                }
                "summary" | "generate_summary" | "context" | "mode" => {}
                other => {
                    let message = format!("parameter 'reasoning.{other}' does not exist");
                    return Err(ApiError::new(ErrorCode::UnknownParameter, message)
                        .with_param(format!("reasoning.{other}")));
                }
            }
        }
        serde_json::from_value(Value::Object(kept)).map(Some).map_err(|error| at.invalid(error))
    }

    fn check_unsupported(&self) -> Result<(), ApiError> {
        let unsupported =
            |name: &str, what: &str| Err(At::Root.field(name).refuse(ErrorCode::Unsupported, what));
        if self.prompt.is_some() {
            return unsupported(
                "prompt",
                "names a prompt template; this server has agents: use model \"agent:NAME\"",
            );
        }
        if self.moderation.is_some() {
            return unsupported(
                "moderation",
                "asks for moderation, which this server does not have",
            );
        }
        if self.access_programs.is_some() {
            return unsupported("access_programs", "names programs of another vendor");
        }
        if self.image.is_some() {
            return unsupported(
                "image",
                "asks for a treatment of images that this server does not have",
            );
        }
        if self.top_logprobs.is_some_and(|count| count > 0) {
            return unsupported("top_logprobs", "is not 0; log probabilities are not carried");
        }
        if let Some(tier) =
            self.service_tier.as_deref().filter(|tier| !matches!(*tier, "auto" | "default"))
        {
            return unsupported(
                "service_tier",
                &format!("is {tier:?}; only \"auto\" and \"default\" mean something here"),
            );
        }
        Ok(())
    }
}

impl Validate for ResponseCreateParams {
    fn validate(&self, _at: &At<'_>) -> Result<(), ApiError> {
        self.check_unsupported()?;
        if self.conversation.is_some() && self.previous_response_id.is_some() {
            let message = "cannot be used together with 'conversation'";
            return Err(At::Root.field("previous_response_id").invalid(message));
        }
        let range = |name: &str, value: Option<f64>, most: f64| match value {
            Some(value) if !(0.0..=most).contains(&value) => {
                Err(At::Root.field(name).invalid(format!("is {value}, not between 0 and {most}")))
            }
            _ => Ok(()),
        };
        range("temperature", self.temperature, 2.0)?;
        range("top_p", self.top_p, 1.0)?;
        if let Some(tokens) = self.max_output_tokens.filter(|tokens| *tokens < MIN_OUTPUT_TOKENS) {
            let message = format!("is {tokens}, less than {MIN_OUTPUT_TOKENS}");
            return Err(At::Root.field("max_output_tokens").invalid(message));
        }
        if self.background == Some(true) && self.store == Some(false) {
            let message =
                "is true, which needs 'store' to be true: what is not kept cannot be fetched later";
            return Err(At::Root.field("background").invalid(message));
        }
        if self.store == Some(false) && self.conversation.is_some() {
            let message = "is false, but a conversation keeps what is said in it";
            return Err(At::Root.field("store").invalid(message));
        }
        check_metadata(&At::Root.field("metadata"), self.metadata.as_ref())?;
        for (index, management) in self.context_management.iter().flatten().enumerate() {
            let list = At::Root.field("context_management");
            let at = list.index(index);
            if management.r#type != "compaction" {
                return Err(at.field("type").invalid("is not \"compaction\""));
            }
            if let Some(tokens) = management.compact_threshold.filter(|n| *n < MIN_COMPACT_TOKENS) {
                let message = format!("is {tokens}, less than {MIN_COMPACT_TOKENS}");
                return Err(at.field("compact_threshold").invalid(message));
            }
        }
        Ok(())
    }
}
