//! An agent's definition, as sessions keep it.

use std::sync::Arc;

use mainstay_protocol::AgentId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::port::ModelOptions;
use crate::tool::{ToolSource, UnknownRule};

/// What an agent is, at one revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentDefinition {
    /// Its id; a session with an inline definition has one too.
    pub id: AgentId,
    /// Its revision, from 1; 0 for an inline definition.
    pub revision: u64,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the model is told first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// The model asked first.
    pub model: String,
    /// The models asked, in order, when those before them failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallback_models: Vec<String>,
    /// Where its tools come from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolSource>,
    /// `none|minimal|low|medium|high|xhigh|max`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning_effort: Option<Arc<str>>,
    /// `low|medium|high`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verbosity: Option<Arc<str>>,
    /// JSON schema that final answers follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_schema: Option<Arc<Value>>,
    /// How the model is asked to answer.
    #[serde(default, skip_serializing_if = "ModelOptions::is_default")]
    pub options: ModelOptions,
    /// The context is summarised when it has grown to this many tokens (an estimate); when it nears
    /// the model's window, otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compact_at_tokens: Option<u64>,
    /// What happens to `once` calls without an outcome.
    #[serde(default)]
    pub unknown_outcome: UnknownRule,
    /// Bounds on one turn.
    #[serde(default)]
    pub limits: TurnLimits,
    /// What the wire API wants repeated and the runtime does not interpret.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub wire: Value,
}

/// Bounds on one turn. Reaching one fails the turn and leaves the session usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TurnLimits {
    /// Model calls.
    pub max_steps: u32,
    /// Tool calls.
    pub max_tool_calls: u32,
    /// Tokens in and out, over all model calls.
    pub max_tokens: u64,
    /// Time from the turn's start, without the time it waited for the client.
    pub max_wall_ms: u64,
}

impl Default for TurnLimits {
    fn default() -> Self {
        Self { max_steps: 64, max_tool_calls: 256, max_tokens: 4_000_000, max_wall_ms: 3_600_000 }
    }
}

impl AgentDefinition {
    /// The models of its route, first choice first.
    pub fn route(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.model.as_str()).chain(self.fallback_models.iter().map(String::as_str))
    }
}
