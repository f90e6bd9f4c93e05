//! `POST /v1/responses` as it is asked for.
//!
//! Invariant: the members are those of the official SDK (`openai` 3.54,
//! `types/responses/response_create_params.py`); what this server cannot do as asked is refused by
//! name, what changes nothing is accepted and repeated. Deliberately absent: input items ([`super::input`]) and
//! tools ([`super::tools`]).

use std::collections::BTreeMap;

use mainstay_protocol::{ApiError, ErrorCode};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::options::{
    BackgroundOptions, CacheOptions, CacheRetention, Includable, check_cache, check_include,
};
use super::shapes::{ReasoningChoice, ResponseInput, ResponseTool};
use super::tools::ToolChoiceParams;
use crate::openai::wire::{
    At, NoFields, Reasoning as AgentReasoning, Validate, check_metadata, nested, take_tag,
    unknown_tag,
};
use crate::openapi::{Metadata, union};

/// The least bound on an answer.
const MIN_OUTPUT_TOKENS: u64 = 16;
/// The least size at which a context is summarised.
const MIN_COMPACT_TOKENS: u64 = 1_000;

/// How much of the reasoning before a model may be given.
const CONTEXTS: [&str; 3] = ["auto", "current_turn", "all_turns"];

fn is_one_of(value: &Value, names: &[&str]) -> bool {
    value.as_str().is_some_and(|name| names.contains(&name))
}

/// The body.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ResponseCreateParams {
    #[schemars(with = "()")]
    pub(crate) access_programs: Option<Value>,
    pub(crate) background: Option<bool>,
    pub(crate) background_options: Option<BackgroundOptions>,
    pub(crate) context_management: Option<Vec<ContextManagement>>,
    pub(crate) conversation: Option<ConversationRef>,
    #[schemars(with = "()")]
    pub(crate) image: Option<Value>,
    pub(crate) include: Option<Vec<Includable>>,
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
    pub(crate) prompt_cache_options: Option<CacheOptions>,
    pub(crate) prompt_cache_retention: Option<CacheRetention>,
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
#[derive(Debug, Clone, JsonSchema)]
#[serde(untagged)]
pub(crate) enum ConversationRef {
    /// The id alone.
    Id(String),
    /// `{"id": …}`.
    Object(ConversationObject),
}

/// A conversation as an object.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConversationObject {
    id: String,
}

impl<'de> Deserialize<'de> for ConversationRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(id) => Ok(Self::Id(id)),
            object => nested(object).map(Self::Object),
        }
    }
}

impl ConversationRef {
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Id(id) | Self::Object(ConversationObject { id }) => id,
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
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum TextFormat {
    /// Plain text.
    Text,
    /// A JSON object without a schema.
    JsonObject,
    /// A JSON object that follows a schema.
    JsonSchema(ResponseSchema),
}

union!(TextFormat as "ResponseTextFormat" by "type" {
    "text": NoFields,
    "json_object": NoFields,
    "json_schema": ResponseSchema,
});

impl<'de> Deserialize<'de> for TextFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::deserialize(deserializer)?;
        let tag: String = take_tag(&mut fields, "type")?;
        let rest = Value::Object(fields);
        match tag.as_str() {
            "text" => nested(rest).map(|NoFields {}| Self::Text),
            "json_object" => nested(rest).map(|NoFields {}| Self::JsonObject),
            "json_schema" => nested(rest).map(Self::JsonSchema),
            other => Err(unknown_tag("type", other, &["text", "json_object", "json_schema"])),
        }
    }
}

/// The schema that an answer follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResponseSchema {
    pub(crate) name: String,
    pub(crate) schema: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) strict: Option<bool>,
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
        let mut kept = Map::new();
        for (name, value) in asked {
            let root = At::Root.field("reasoning");
            let at = root.field(name);
            let kept_as = match name.as_str() {
                "effort" => "effort",
                // The older name of the same thing.
                "summary" | "generate_summary" if !value.is_null() => "summary",
                "summary" | "generate_summary" => continue,
                // They change nothing here.
                "mode" if value.is_null() || value.is_string() => continue,
                "mode" => return Err(at.invalid("is not a string")),
                "context" if value.is_null() || is_one_of(value, &CONTEXTS) => continue,
                "context" => {
                    return Err(at.invalid(format!("is none of {}", CONTEXTS.join(", "))));
                }
                _ => {
                    let message = format!("parameter '{at}' does not exist");
                    return Err(ApiError::new(ErrorCode::UnknownParameter, message)
                        .with_param(at.to_string()));
                }
            };
            let one = Map::from_iter([(kept_as.to_owned(), value.clone())]);
            serde_json::from_value::<AgentReasoning>(Value::Object(one))
                .map_err(|error| at.invalid(error))?;
            kept.insert(kept_as.to_owned(), value.clone());
        }
        let at = At::Root.field("reasoning");
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

impl ResponseCreateParams {
    fn check_background(&self) -> Result<(), ApiError> {
        if self.background == Some(true) && self.store == Some(false) {
            let message =
                "is true, which needs 'store' to be true: what is not kept cannot be fetched later";
            return Err(At::Root.field("background").invalid(message));
        }
        let may_wait = self.background_options.as_ref().is_some_and(BackgroundOptions::may_wait);
        if may_wait && (self.background != Some(true) || self.stream == Some(true)) {
            let message = "needs 'background' to be true, and no 'stream'";
            let options = At::Root.field("background_options");
            return Err(options.field("completion_window").invalid(message));
        }
        Ok(())
    }
}

impl Validate for ResponseCreateParams {
    fn validate(&self, _at: &At<'_>) -> Result<(), ApiError> {
        self.check_unsupported()?;
        check_include(self.include.as_deref())?;
        check_cache(self.prompt_cache_options.as_ref())?;
        self.check_background()?;
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
