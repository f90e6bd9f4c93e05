//! The settings that agents, sessions and their requests share.
//!
//! Invariant: the words are the SDK's; a response's settings are always resolved, so that a client
//! never has to know a default.

use mainstay_protocol::ApiError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::limits::{MAX_FALLBACK_MODELS, MAX_MODEL_CHARS, MAX_SUBAGENTS, count, filled};
use super::parse::tagged_params;
use super::{At, Validate};
use crate::openapi::Given;

/// Subagents at once when an agent does not say.
pub const DEFAULT_SUBAGENTS: u32 = 6;

/// How urgently a provider handles the model calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ServiceTier {
    #[default]
    Auto,
    Default,
    Flex,
    Priority,
    Fast,
    Ultrafast,
}

/// How hard the model thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReasoningEffort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
    Max,
}

/// How the model's reasoning is summarised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReasoningSummary {
    Concise,
    Detailed,
    Auto,
}

/// How the model reasons; a null member is the model's default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reasoning {
    /// How hard the model thinks.
    #[serde(default)]
    pub effort: Option<ReasoningEffort>,
    /// How its reasoning is summarised; none when it is not.
    #[serde(default)]
    pub summary: Option<ReasoningSummary>,
}

/// How much text the model writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verbosity {
    Low,
    #[default]
    Medium,
    High,
}

/// A union variant without members.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoFields {}

tagged_params! {
    /// What the final answer's text must be.
    TextFormat by "type" {
        /// Ordinary text.
        Text(NoFields) = "text",
        /// JSON that fits a schema.
        JsonSchema(JsonSchemaFormat) = "json_schema",
    }
}

/// A schema that the final answer must fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JsonSchemaFormat {
    /// The JSON Schema.
    pub schema: Map<String, Value>,
}

impl Default for TextFormat {
    fn default() -> Self {
        Self::Text(NoFields {})
    }
}

/// The resolved settings of generated text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Text {
    /// What the final answer's text must be.
    pub format: TextFormat,
    /// How much text the model writes.
    pub verbosity: Verbosity,
}

/// Settings of generated text, as asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TextParams {
    /// What the final answer's text must be.
    #[serde(default)]
    pub format: Option<TextFormat>,
    /// How much text the model writes.
    #[serde(default)]
    pub verbosity: Option<Verbosity>,
}

impl TextParams {
    /// The settings with defaults in the place of what was not said.
    #[must_use]
    pub fn resolve(self) -> Text {
        Text {
            format: self.format.unwrap_or_default(),
            verbosity: self.verbosity.unwrap_or_default(),
        }
    }
}

/// The resolved settings of subagents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MultiAgent {
    /// Whether the agent may make subagents.
    pub enabled: bool,
    /// How many may run at once; none when disabled.
    pub max_concurrent_subagents: Option<u32>,
}

/// Settings of subagents, as asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MultiAgentParams {
    /// Whether the agent may make subagents.
    pub enabled: bool,
    /// How many may run at once.
    #[serde(
        default,
        deserialize_with = "super::patch::not_null",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Given<u32>")]
    #[schemars(range(min = 1, max = MAX_SUBAGENTS))]
    pub max_concurrent_subagents: Option<u32>,
}

impl MultiAgentParams {
    /// The settings with defaults in the place of what was not said.
    #[must_use]
    pub fn resolve(self) -> MultiAgent {
        let most = self.max_concurrent_subagents.unwrap_or(DEFAULT_SUBAGENTS);
        MultiAgent { enabled: self.enabled, max_concurrent_subagents: self.enabled.then_some(most) }
    }
}

impl Validate for MultiAgentParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        match self.max_concurrent_subagents {
            Some(most) if !(1..=MAX_SUBAGENTS).contains(&most) => Err(at
                .field("max_concurrent_subagents")
                .invalid(format!("is {most}, not 1 to {MAX_SUBAGENTS}"))),
            Some(_) | None => Ok(()),
        }
    }
}

/// The resolved settings of context compaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Compaction {
    /// Whether the context is compacted in the background.
    #[serde(rename = "async")]
    pub in_background: bool,
}

/// Settings of context compaction, as asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompactionParams {
    /// Whether the context is compacted in the background.
    #[serde(default, rename = "async")]
    pub in_background: Option<bool>,
}

impl CompactionParams {
    /// The settings with defaults in the place of what was not said.
    #[must_use]
    pub fn resolve(self) -> Compaction {
        Compaction { in_background: self.in_background.unwrap_or_default() }
    }
}

/// The resolved experimental settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Experimental {
    /// Whether the model is told the time now and then.
    pub time_awareness: bool,
}

/// Experimental settings, merged by key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExperimentalParams {
    /// Whether the model is told the time now and then.
    #[serde(
        default,
        deserialize_with = "super::patch::not_null",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Given<bool>")]
    pub time_awareness: Option<bool>,
}

impl ExperimentalParams {
    /// The settings after the change.
    #[must_use]
    pub fn over(self, current: Experimental) -> Experimental {
        Experimental { time_awareness: self.time_awareness.unwrap_or(current.time_awareness) }
    }
}

/// How long a provider keeps a prompt's prefix.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CacheTtl {
    /// Half an hour.
    #[default]
    #[serde(rename = "30m")]
    HalfHour,
    /// Half a day.
    #[serde(rename = "12h")]
    HalfDay,
}

/// The prompt cache's lifetime.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromptCacheOptions {
    /// How long a new entry is kept at least.
    #[serde(default)]
    pub ttl: CacheTtl,
}

/// Whether eligible actions are reviewed by a model instead of a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Review {
    /// Not reviewed.
    #[default]
    None,
    /// Reviewed; what would need a person is denied.
    AutoReview,
}

/// What to do about an effect whose outcome is unknown after a crash.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownOutcomeRule {
    /// Ask a person whether it was done.
    #[default]
    Ask,
    /// Tell the model that it is unknown.
    Report,
    /// Attempt it again.
    Retry,
}

/// The bounds of one turn; a null member is the server's own bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TurnLimits {
    /// Model calls.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub steps: Option<u32>,
    /// Tool calls.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub tool_calls: Option<u32>,
    /// Tokens, of all model calls together.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub tokens: Option<u64>,
    /// Wall time while the turn is not waiting for a client.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub wall_time_ms: Option<u64>,
}

/// Mainstay's own settings of an agent (extension `mainstay`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuntimeSettings {
    /// Models to use, in order, when the agent's own fails.
    #[serde(default)]
    #[schemars(length(max = MAX_FALLBACK_MODELS), inner(length(min = 1, max = MAX_MODEL_CHARS)))]
    pub fallback_models: Vec<String>,
    /// What to do about an effect whose outcome is unknown.
    #[serde(default)]
    pub unknown_outcome: UnknownOutcomeRule,
    /// The bounds of one turn.
    #[serde(default)]
    pub limits: TurnLimits,
}

impl Validate for RuntimeSettings {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        let models = at.field("fallback_models");
        count(&models, self.fallback_models.len(), MAX_FALLBACK_MODELS)?;
        self.fallback_models
            .iter()
            .enumerate()
            .try_for_each(|(index, model)| filled(&models.index(index), model, MAX_MODEL_CHARS))?;
        let limits = at.field("limits");
        let bounds = [
            ("steps", self.limits.steps.map(u64::from)),
            ("tool_calls", self.limits.tool_calls.map(u64::from)),
            ("tokens", self.limits.tokens),
            ("wall_time_ms", self.limits.wall_time_ms),
        ];
        bounds.into_iter().try_for_each(|(name, bound)| match bound {
            Some(0) => Err(limits.field(name).invalid("is 0; a bound is at least 1")),
            Some(_) | None => Ok(()),
        })
    }
}
