//! Requests that make or change agents.
//!
//! Invariant: in a change, an absent member keeps the setting and null resets it.

use std::collections::BTreeMap;

use mainstay_protocol::ApiError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limits::{
    MAX_INSTRUCTIONS_CHARS, MAX_MODEL_CHARS, MAX_NAME_CHARS, MAX_TOOLS, filled, metadata, text,
};
use super::patch::Patch;
use super::settings::{
    CompactionParams, ExperimentalParams, MultiAgentParams, Reasoning, RuntimeSettings,
    ServiceTier, TextParams,
};
use super::tool_check::validate_tools;
use super::tool_params::ToolParams;
use super::{At, Validate};
use crate::openapi::{Given, Metadata};

/// `POST /agents`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentCreateParams {
    /// The model.
    #[schemars(length(min = 1, max = MAX_MODEL_CHARS))]
    pub model: String,
    /// The name.
    #[serde(default)]
    #[schemars(length(max = MAX_NAME_CHARS))]
    pub name: Option<String>,
    /// The instructions.
    #[serde(default)]
    #[schemars(length(max = MAX_INSTRUCTIONS_CHARS))]
    pub instructions: Option<String>,
    /// The client's own pairs.
    #[serde(default)]
    #[schemars(with = "Option<Metadata>")]
    pub metadata: Option<BTreeMap<String, String>>,
    /// Whether the agent may make subagents.
    #[serde(default)]
    pub multi_agent: Option<MultiAgentParams>,
    /// How the model reasons.
    #[serde(default)]
    pub reasoning: Option<Reasoning>,
    /// How urgently model calls are handled.
    #[serde(default)]
    pub service_tier: Option<ServiceTier>,
    /// What the text must be.
    #[serde(default)]
    pub text: Option<TextParams>,
    /// The tools.
    #[serde(default)]
    #[schemars(length(max = MAX_TOOLS))]
    pub tools: Option<Vec<ToolParams>>,
    /// How the context is compacted.
    #[serde(default)]
    pub compaction: Option<CompactionParams>,
    /// Experimental settings.
    #[serde(
        default,
        deserialize_with = "super::patch::not_null",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Given<ExperimentalParams>")]
    pub experimental: Option<ExperimentalParams>,
    /// Extension: settings in this runtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mainstay: Option<RuntimeSettings>,
}

impl Validate for AgentCreateParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        Checked {
            model: Some(&self.model),
            name: self.name.as_deref(),
            instructions: self.instructions.as_deref(),
            metadata: self.metadata.as_ref(),
            multi_agent: self.multi_agent.as_ref(),
            tools: self.tools.as_deref(),
            mainstay: self.mainstay.as_ref(),
        }
        .validate(at)
    }
}

/// `POST /agents/{id}`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentUpdateParams {
    /// The model.
    #[serde(
        default,
        deserialize_with = "super::patch::not_null",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Given<String>")]
    #[schemars(length(min = 1, max = MAX_MODEL_CHARS))]
    pub model: Option<String>,
    /// The name.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schemars(length(max = MAX_NAME_CHARS))]
    pub name: Patch<String>,
    /// The instructions.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schemars(length(max = MAX_INSTRUCTIONS_CHARS))]
    pub instructions: Patch<String>,
    /// The client's own pairs, all of them.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schemars(with = "Patch<Metadata>")]
    pub metadata: Patch<BTreeMap<String, String>>,
    /// Whether the agent may make subagents.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub multi_agent: Patch<MultiAgentParams>,
    /// How the model reasons.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub reasoning: Patch<Reasoning>,
    /// How urgently model calls are handled.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub service_tier: Patch<ServiceTier>,
    /// What the text must be.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub text: Patch<TextParams>,
    /// The tools, all of them.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schemars(length(max = MAX_TOOLS))]
    pub tools: Patch<Vec<ToolParams>>,
    /// How the context is compacted.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub compaction: Patch<CompactionParams>,
    /// Experimental settings, merged by key.
    #[serde(
        default,
        deserialize_with = "super::patch::not_null",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Given<ExperimentalParams>")]
    pub experimental: Option<ExperimentalParams>,
    /// Extension: settings in this runtime, all of them.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub mainstay: Patch<RuntimeSettings>,
}

impl Validate for AgentUpdateParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        Checked {
            model: self.model.as_deref(),
            name: self.name.as_set().map(String::as_str),
            instructions: self.instructions.as_set().map(String::as_str),
            metadata: self.metadata.as_set(),
            multi_agent: self.multi_agent.as_set(),
            tools: self.tools.as_set().map(Vec::as_slice),
            mainstay: self.mainstay.as_set(),
        }
        .validate(at)
    }
}

/// The agent of `POST /agents/sessions`: a saved agent's settings overridden, or a whole agent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionAgentParams {
    /// The model.
    #[serde(
        default,
        deserialize_with = "super::patch::not_null",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Given<String>")]
    #[schemars(length(min = 1, max = MAX_MODEL_CHARS))]
    pub model: Option<String>,
    /// The instructions.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schemars(length(max = MAX_INSTRUCTIONS_CHARS))]
    pub instructions: Patch<String>,
    /// Whether the agent may make subagents.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub multi_agent: Patch<MultiAgentParams>,
    /// How the model reasons.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub reasoning: Patch<Reasoning>,
    /// How urgently model calls are handled.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub service_tier: Patch<ServiceTier>,
    /// What the text must be.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub text: Patch<TextParams>,
    /// The tools, all of them.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schemars(length(max = MAX_TOOLS))]
    pub tools: Patch<Vec<ToolParams>>,
    /// How the context is compacted.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub compaction: Patch<CompactionParams>,
    /// Experimental settings, merged by key.
    #[serde(
        default,
        deserialize_with = "super::patch::not_null",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Given<ExperimentalParams>")]
    pub experimental: Option<ExperimentalParams>,
    /// Extension: settings in this runtime, all of them.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    pub mainstay: Patch<RuntimeSettings>,
}

impl Validate for SessionAgentParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        Checked {
            model: self.model.as_deref(),
            name: None,
            instructions: self.instructions.as_set().map(String::as_str),
            metadata: None,
            multi_agent: self.multi_agent.as_set(),
            tools: self.tools.as_set().map(Vec::as_slice),
            mainstay: self.mainstay.as_set(),
        }
        .validate(at)
    }
}

/// The settings that have limits, whichever request they come with.
struct Checked<'a> {
    model: Option<&'a str>,
    name: Option<&'a str>,
    instructions: Option<&'a str>,
    metadata: Option<&'a BTreeMap<String, String>>,
    multi_agent: Option<&'a MultiAgentParams>,
    tools: Option<&'a [ToolParams]>,
    mainstay: Option<&'a RuntimeSettings>,
}

impl Validate for Checked<'_> {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        if let Some(model) = self.model {
            filled(&at.field("model"), model, MAX_MODEL_CHARS)?;
        }
        if let Some(name) = self.name {
            text(&at.field("name"), name, MAX_NAME_CHARS)?;
        }
        if let Some(instructions) = self.instructions {
            text(&at.field("instructions"), instructions, MAX_INSTRUCTIONS_CHARS)?;
        }
        if let Some(pairs) = self.metadata {
            metadata(&at.field("metadata"), pairs)?;
        }
        if let Some(settings) = self.multi_agent {
            settings.validate(&at.field("multi_agent"))?;
        }
        if let Some(tools) = self.tools {
            validate_tools(&at.field("tools"), tools)?;
        }
        self.mainstay.map_or(Ok(()), |settings| settings.validate(&at.field("mainstay")))
    }
}
