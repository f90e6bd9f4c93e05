//! A session's subagents, as shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::content::AgentContent;
use crate::openapi::Tag;

/// Whether a subagent takes input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubagentStatus {
    /// It does, even between its turns.
    Active,
    /// It does not.
    Closed,
}

/// A subagent of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "object", rename = "agent.session.subagent")]
#[schemars(rename = "Subagent", transform = Tag("object", "agent.session.subagent"))]
pub struct Subagent {
    /// Its id.
    pub id: String,
    /// The session it belongs to.
    pub session_id: String,
    /// The agent that made it.
    pub parent_agent_id: String,
    /// Its name.
    pub name: Option<String>,
    /// Its first task.
    pub instructions: Option<Vec<AgentContent>>,
    /// Whether it takes input.
    pub status: SubagentStatus,
    /// When it was opened first, in Unix seconds.
    pub opened_at: u64,
    /// When it was closed, in Unix seconds; null while active.
    pub closed_at: Option<u64>,
}
