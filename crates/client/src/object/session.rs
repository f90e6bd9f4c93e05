//! A session.

use serde::Deserialize;
use serde_json::Value;

use super::turn::Usage;

/// A session.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// `idle`, `in_progress`, `requires_action`, `budget_reached` or `failed`.
    pub status: String,
    /// The agent as the session keeps it.
    pub agent: AgentSummary,
    /// The place behind its last event.
    #[serde(default)]
    pub sequence_number: u64,
    /// When it was made, Unix seconds.
    #[serde(default)]
    pub created_at: u64,
    /// When something last happened in it, Unix seconds.
    #[serde(default)]
    pub last_active_at: Option<u64>,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<String>,
    /// What it waits for.
    #[serde(default)]
    pub required_actions: Vec<RequiredAction>,
    /// What its turns cost.
    #[serde(default)]
    pub usage: Option<Usage>,
}

/// The agent of a session.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct AgentSummary {
    /// Its id.
    pub id: String,
    /// A name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// The model asked first.
    #[serde(default)]
    pub model: String,
}

/// What a session waits for.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RequiredAction {
    /// The result of a function that the client runs.
    FunctionCall {
        /// The turn that waits.
        turn_id: String,
        /// What the result must name.
        call_id: String,
        /// The function.
        name: String,
        /// Its arguments.
        arguments: Value,
    },
    /// A person's answer.
    McpApprovalRequest {
        /// What the answer must name.
        request_id: String,
        /// What is asked.
        request: ActionRequest,
    },
    /// Something else.
    #[serde(other)]
    Other,
}

/// What a person is asked.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ActionRequest {
    /// The source of the tool.
    #[serde(default)]
    pub server_label: String,
    /// The tool.
    #[serde(default)]
    pub name: Option<String>,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Value,
    /// The question.
    #[serde(default)]
    pub message: String,
    /// `unknown_outcome` when the question is what became of a call; `consent`, `form` or `visit` when
    /// an MCP server asks; none when it is whether to make a call.
    #[serde(default)]
    pub kind: Option<String>,
    /// The JSON schema of what a form asks for.
    #[serde(default)]
    pub requested_schema: Option<Value>,
}
