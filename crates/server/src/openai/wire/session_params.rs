//! Requests that make or change sessions.
//!
//! Invariant: a session can be made without an agent and without input; the door decides what that
//! means, these types only say what came.

use std::collections::BTreeMap;

use mainstay_protocol::{ApiError, MAX_ID_CHARS};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::agent_params::SessionAgentParams;
use super::environment_params::EnvironmentParams;
use super::input::{InputMessage, validate_messages};
use super::limits::{
    MAX_INPUT_MESSAGES, MAX_MODEL_CHARS, MAX_SPEND_CENTS, MAX_TEXT_CHARS, MAX_TOOLS, MAX_VAULTS,
    count, filled, id, metadata,
};
use super::parse::{kind, nested};
use super::patch::Patch;
use super::settings::{PromptCacheOptions, ReasoningEffort, Review, ServiceTier};
use super::tool_check::validate_tools;
use super::tool_params::ToolParams;
use super::{At, Validate};
use crate::openapi::{Given, Metadata, Nullable};

/// `POST /agents/sessions`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionCreateParams {
    /// The environment.
    pub environment: EnvironmentParams,
    /// The agent's settings, whole or over those of `agent_id`.
    #[serde(
        default,
        deserialize_with = "super::patch::not_null",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Given<SessionAgentParams>")]
    pub agent: Option<SessionAgentParams>,
    /// The saved agent.
    #[serde(
        default,
        deserialize_with = "super::patch::not_null",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Given<String>")]
    #[schemars(length(min = 1, max = MAX_ID_CHARS))]
    pub agent_id: Option<String>,
    /// The first input.
    #[serde(default)]
    pub input: Option<SessionInput>,
    /// The client's own pairs.
    #[serde(default)]
    #[schemars(with = "Option<Metadata>")]
    pub metadata: Option<BTreeMap<String, String>>,
    /// The prompt cache's lifetime.
    #[serde(default)]
    pub prompt_cache_options: Option<PromptCacheOptions>,
    /// Whether a model reviews eligible actions.
    #[serde(default)]
    pub review: Review,
    /// What may be spent.
    #[serde(default)]
    pub spend_control: Option<SpendControlParams>,
    /// Whether the answer is a stream.
    #[serde(default)]
    pub stream: bool,
    /// How the answer is streamed.
    #[serde(
        default,
        deserialize_with = "super::patch::not_null",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Given<StreamOptions>")]
    pub stream_options: Option<StreamOptions>,
    /// The vaults it may use.
    #[serde(default)]
    #[schemars(length(max = MAX_VAULTS), inner(length(min = 1, max = MAX_ID_CHARS)))]
    pub vault_ids: Option<Vec<String>>,
}

/// The first input of a session: one text, or messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum SessionInput {
    /// One user message.
    Text(#[schemars(length(min = 1, max = MAX_TEXT_CHARS))] String),
    /// Messages.
    Messages(#[schemars(length(min = 1, max = MAX_INPUT_MESSAGES))] Vec<InputMessage>),
}

impl SessionInput {
    /// The input as messages.
    #[must_use]
    pub fn into_messages(self) -> Vec<InputMessage> {
        match self {
            Self::Text(text) => vec![InputMessage::user(text)],
            Self::Messages(messages) => messages,
        }
    }
}

impl<'de> Deserialize<'de> for SessionInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self::Text(text)),
            messages @ Value::Array(_) => nested(messages).map(Self::Messages),
            other => Err(serde::de::Error::custom(format!(
                "invalid type: {}, expected a string or an array of messages",
                kind(&other)
            ))),
        }
    }
}

/// What may be spent, as asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpendControlParams {
    /// US cents; without bound when null.
    #[serde(deserialize_with = "super::patch::required_nullable")]
    #[schemars(with = "Nullable<u64>")]
    #[schemars(range(min = 1, max = MAX_SPEND_CENTS))]
    pub limit: Option<u64>,
}

/// How an answer is streamed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamOptions {
    /// Whether events are padded. Accepted; this server never pads.
    #[serde(
        default,
        deserialize_with = "super::patch::not_null",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Given<bool>")]
    pub include_obfuscation: Option<bool>,
}

impl Validate for SessionCreateParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        self.environment.validate(&at.field("environment"))?;
        self.agent.validate(&at.field("agent"))?;
        if let Some(value) = &self.agent_id {
            id(&at.field("agent_id"), value)?;
        }
        self.input.validate(&at.field("input"))?;
        if let Some(pairs) = &self.metadata {
            metadata(&at.field("metadata"), pairs)?;
        }
        self.spend_control.validate(&at.field("spend_control"))?;
        let vaults = at.field("vault_ids");
        let ids = self.vault_ids.as_deref().unwrap_or_default();
        count(&vaults, ids.len(), MAX_VAULTS)?;
        ids.iter().enumerate().try_for_each(|(index, value)| id(&vaults.index(index), value))
    }
}

impl Validate for SessionInput {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        match self {
            Self::Text(text) => filled(at, text, MAX_TEXT_CHARS),
            Self::Messages(messages) => validate_messages(at, messages),
        }
    }
}

impl Validate for SpendControlParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        match self.limit {
            Some(cents) if !(1..=MAX_SPEND_CENTS).contains(&cents) => Err(at
                .field("limit")
                .invalid(format!("is {cents} US cents, not 1 to {MAX_SPEND_CENTS}"))),
            Some(_) | None => Ok(()),
        }
    }
}

/// `POST /agents/sessions/{id}`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionUpdateParams {
    /// The agent's settings.
    #[serde(
        default,
        deserialize_with = "super::patch::not_null",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Given<SessionAgentUpdate>")]
    pub agent: Option<SessionAgentUpdate>,
    /// The client's own pairs, all of them.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schemars(with = "Patch<Metadata>")]
    pub metadata: Patch<BTreeMap<String, String>>,
    /// The prompt cache's lifetime.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub prompt_cache_options: Patch<PromptCacheOptions>,
    /// Whether a model reviews eligible actions.
    #[serde(
        default,
        deserialize_with = "super::patch::not_null",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Given<Review>")]
    pub review: Option<Review>,
    /// What may be spent.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub spend_control: Patch<SpendControlParams>,
}

/// The agent's settings that a session may change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionAgentUpdate {
    /// The model of the turns to come.
    #[serde(
        default,
        deserialize_with = "super::patch::not_null",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Given<String>")]
    #[schemars(length(min = 1, max = MAX_MODEL_CHARS))]
    pub model: Option<String>,
    /// How the model reasons.
    #[serde(
        default,
        deserialize_with = "super::patch::not_null",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Given<ReasoningUpdate>")]
    pub reasoning: Option<ReasoningUpdate>,
    /// How urgently model calls are handled.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub service_tier: Patch<ServiceTier>,
    /// The tools, all of them.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schemars(length(max = MAX_TOOLS))]
    pub tools: Patch<Vec<ToolParams>>,
}

/// How the model reasons, of what a session may change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasoningUpdate {
    /// How hard the model thinks.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub effort: Patch<ReasoningEffort>,
}

impl Validate for SessionUpdateParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        if let Some(agent) = &self.agent {
            let at = at.field("agent");
            if let Some(model) = &agent.model {
                filled(&at.field("model"), model, MAX_MODEL_CHARS)?;
            }
            if let Some(tools) = agent.tools.as_set() {
                validate_tools(&at.field("tools"), tools)?;
            }
        }
        if let Some(pairs) = self.metadata.as_set() {
            metadata(&at.field("metadata"), pairs)?;
        }
        self.spend_control.validate(&at.field("spend_control"))
    }
}
