//! What an agent has for this API alone, kept in `AgentDefinition::wire`.

use mainstay_core::agent::AgentDefinition;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::openai::wire::{Compaction, Experimental, MultiAgent, ReasoningSummary, ServiceTier};

/// Settings that this API repeats and the runtime does not interpret. All have a default, so that
/// an agent made elsewhere is shown too.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AgentExtras {
    pub(crate) multi_agent: MultiAgent,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning_summary: Option<ReasoningSummary>,
    pub(crate) service_tier: ServiceTier,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) compaction: Option<Compaction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) experimental: Option<Experimental>,
    /// Of each tool source, by its position.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tools: Vec<ToolExtras>,
    /// Whether the tool list had a `tool_search`, which finds what is always offered here.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) tool_search: bool,
    /// Hash of the body that created the agent under an `Idempotency-Key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) created_from_sha256: Option<String>,
}

/// What a tool has for this API alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ToolExtras {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) in_background: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) defer_loading: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server_url: Option<String>,
    /// The vault's credential for an MCP server; the runtime reads it when a tool is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) credential_id: Option<String>,
    /// Whether it came with the session's environment; the client did not ask for it by itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) of_environment: bool,
}

impl AgentExtras {
    /// The extras of a definition.
    pub(crate) fn of(definition: &AgentDefinition) -> Self {
        serde_json::from_value(definition.wire.clone()).unwrap_or_default()
    }

    /// The extras as a definition keeps them.
    pub(crate) fn into_wire(self) -> Value {
        serde_json::to_value(self).expect("plain members serialise")
    }
}
