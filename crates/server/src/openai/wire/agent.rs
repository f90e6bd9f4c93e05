//! The reusable agent, as shown.
//!
//! Invariant: every setting is resolved. Deliberately absent: the agent inside a session, which is
//! a copy of its own (`SessionAgent`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::settings::{
    Compaction, Experimental, MultiAgent, Reasoning, RuntimeSettings, ServiceTier, Text,
};
use super::tool::Tool;
use crate::openapi::Tag;

/// A reusable agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "object", rename = "agent")]
#[schemars(rename = "Agent", transform = Tag("object", "agent"))]
pub struct Agent {
    /// Its id.
    pub id: String,
    /// When it was made, in Unix seconds.
    pub created_at: u64,
    /// When it was changed last, in Unix seconds.
    pub updated_at: u64,
    /// Its name.
    pub name: Option<String>,
    /// Its instructions.
    pub instructions: Option<String>,
    /// Its model.
    pub model: String,
    /// The client's own pairs.
    pub metadata: BTreeMap<String, String>,
    /// Whether it may make subagents.
    pub multi_agent: MultiAgent,
    /// How its model reasons.
    pub reasoning: Reasoning,
    /// How urgently its model calls are handled.
    pub service_tier: ServiceTier,
    /// What its text must be.
    pub text: Text,
    /// Its tools.
    pub tools: Vec<Tool>,
    /// How its context is compacted.
    pub compaction: Option<Compaction>,
    /// Its experimental settings.
    pub experimental: Option<Experimental>,
    /// Extension: its settings in this runtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mainstay: Option<RuntimeSettings>,
}
