//! A session, as shown.
//!
//! Invariant: the agent in it is a copy made when the session was, changed only through the
//! session. Deliberately absent: environment variables, credentials and anything else a client
//! sent in confidence.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::action::RequiredAction;
use super::environment::Environment;
use super::settings::{
    Compaction, Experimental, MultiAgent, PromptCacheOptions, Reasoning, Review, RuntimeSettings,
    ServiceTier, Text,
};
use super::tool::Tool;
use super::turn::TokenUsage;
use crate::openapi::Tag;

/// How a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// It takes input and runs nothing.
    Idle,
    /// It runs a turn.
    InProgress,
    /// It waits for a client or a person.
    RequiresAction,
    /// It takes no more input.
    Failed,
    /// Its spend limit is reached.
    BudgetReached,
}

/// The agent inside a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionAgent {
    /// Its id.
    pub id: String,
    /// The saved agent's name when the session was made.
    pub name: Option<String>,
    /// Its instructions.
    pub instructions: Option<String>,
    /// Its model.
    pub model: String,
    /// Whether it may make subagents.
    pub multi_agent: MultiAgent,
    /// How its model reasons.
    pub reasoning: Reasoning,
    /// How urgently its model calls are handled.
    pub service_tier: ServiceTier,
    /// What its text must be.
    pub text: Text,
    /// Its tools, as [`Tool::for_session`] shows them.
    pub tools: Vec<Tool>,
    /// How its context is compacted.
    pub compaction: Option<Compaction>,
    /// Its experimental settings.
    pub experimental: Option<Experimental>,
    /// Extension: its settings in this runtime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mainstay: Option<RuntimeSettings>,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "object", rename = "agent.session")]
#[schemars(rename = "AgentSession", transform = Tag("object", "agent.session"))]
pub struct AgentSession {
    /// Its id.
    pub id: String,
    /// Its agent, shared by the many events that show the session.
    pub agent: Arc<SessionAgent>,
    /// How it is.
    pub status: SessionStatus,
    /// What it waits for.
    pub required_actions: Vec<RequiredAction>,
    /// Why it failed.
    pub error: Option<String>,
    /// Its environment.
    pub environment: Environment,
    /// When it was made, in Unix seconds.
    pub created_at: u64,
    /// When it did or was asked something last, in Unix seconds.
    pub last_active_at: u64,
    /// The client's own pairs.
    pub metadata: BTreeMap<String, String>,
    /// What it cost.
    pub usage: Option<TokenUsage>,
    /// What was spent and may be.
    pub spend_control: Option<SpendControl>,
    /// The prompt cache's lifetime.
    pub prompt_cache_options: Option<PromptCacheOptions>,
    /// Whether a model reviews eligible actions.
    pub review: Option<Review>,
    /// The vaults it may use.
    pub vault_ids: Vec<String>,
    /// Extension: the last event of the session's feed; a stream after it misses nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence_number: Option<u64>,
}

/// What was spent and may be, in US cents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SpendControl {
    /// What was spent, rounded down.
    pub consumed: Option<u64>,
    /// What may be spent; without bound when null.
    pub limit: Option<u64>,
}
