//! What a session waits for.
//!
//! Invariant: an approval of any tool, and the question about an outcome that is unknown, is a
//! `mcp_approval_request`, the one approval that existing clients know; extension members say more.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::openapi::Tag;

/// What a session waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RequiredAction {
    /// The result of a function that the client runs.
    FunctionCall(FunctionCallAction),
    /// A person's answer.
    McpApprovalRequest(ApprovalAction),
    /// The client's environment.
    EnvironmentConnection {
        /// Which one.
        environment_id: String,
    },
}

/// The result of a function that the client runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FunctionCallAction {
    /// The turn that waits.
    pub turn_id: String,
    /// What the result must name.
    pub call_id: String,
    /// The function.
    pub name: String,
    /// Its arguments.
    pub arguments: Value,
}

/// A person's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalAction {
    /// What the answer must name.
    pub request_id: String,
    /// The turn that waits.
    pub turn_id: String,
    /// What is asked.
    pub request: ApprovalRequest,
}

/// What a person is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename = "mcp_tool_call")]
#[schemars(rename = "ApprovalRequest", transform = Tag("type", "mcp_tool_call"))]
pub struct ApprovalRequest {
    /// The source of the tool.
    pub server_label: String,
    /// The tool.
    pub name: Option<String>,
    /// Its arguments.
    pub arguments: Value,
    /// The question.
    pub message: String,
    /// Extension: what kind of answer is asked for.
    #[serde(default, skip_serializing_if = "ApprovalKind::is_approval")]
    pub kind: ApprovalKind,
    /// Extension: the hash of the exact arguments, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments_sha256: Option<String>,
    /// Extension: when the question lapses, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    /// Extension: where the person goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Extension: the JSON schema of the form's content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_schema: Option<Value>,
}

/// What kind of answer is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalKind {
    /// Whether a call may be made: `agent.session.input.mcp_approval_request_result`.
    #[default]
    Approval,
    /// Whether a call was made: `agent.session.input.approval_result`.
    UnknownOutcome,
    /// Whether an MCP server may be used for the person, who says so at `url`; the answer comes by
    /// itself. `approve` asks the server again, `deny` goes on without it.
    Consent,
    /// The members of a form: `approve` with `content`.
    Form,
    /// To open `url` and deal with the server there, then `approve`.
    Visit,
}

impl ApprovalKind {
    fn is_approval(&self) -> bool {
        *self == Self::Approval
    }
}
