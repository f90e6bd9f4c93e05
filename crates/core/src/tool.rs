//! Tools as data: where an agent's tools come from, and what each is.
//!
//! Invariant: both are journalled; a changed shape is a new version of the entries that hold it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::port::CodeLanguage;
use crate::subagent::SUBAGENTS_LABEL;

/// What may be done after a crash when a call has no outcome (the effect ledger).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Safety {
    /// It changes nothing: attempt again.
    ReadOnly,
    /// It honours the idempotency key, or repeating it changes nothing more: attempt again.
    Idempotent,
    /// Everything else: the outcome is unknown and is dealt with.
    Once,
}

/// What to do with a `once` call whose outcome is unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownRule {
    /// Ask a person: done, not done, or retry.
    #[default]
    Ask,
    /// Tell the model that it is unknown.
    Report,
    /// Attempt again.
    Retry,
}

/// Whether calls need a person's approval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalMode {
    /// Never.
    #[default]
    Never,
    /// Each call.
    Always,
}

/// One tool that a model can call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolSpec {
    /// The name the model uses, unique in the agent; `[A-Za-z0-9_-]`, up to 64 characters.
    pub name: String,
    /// What the model reads about it.
    pub description: String,
    /// JSON schema of the arguments.
    pub parameters: Value,
    /// Whether the model is to be held to the schema by its provider. The schema must have the form
    /// that providers ask for then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    /// Position in the agent's list of tool sources.
    pub source: usize,
    /// The tool's name at its source (MCP tool name, OpenAPI operation id).
    pub remote_name: String,
    /// The effect ledger's class.
    pub safety: Safety,
    /// Whether a call needs approval.
    #[serde(default)]
    pub approval: ApprovalMode,
    /// Whether the source can tell what became of an earlier attempt.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reconcile: bool,
    /// Bound on one attempt.
    pub timeout_ms: u64,
    /// Bound on attempts.
    pub max_attempts: u32,
    /// How many calls of this tool may run at once in this server.
    pub concurrency_limit: u32,
}

/// Default bound on one attempt of a tool call.
pub const DEFAULT_TOOL_TIMEOUT_MS: u64 = 60_000;
/// Default bound on attempts of a tool call.
pub const DEFAULT_TOOL_ATTEMPTS: u32 = 3;
/// Default number of calls of one tool at once.
pub const DEFAULT_TOOL_CONCURRENCY: u32 = 64;

/// Where an agent's tools come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ToolSource {
    /// A function that the client executes.
    Function {
        /// Its name.
        name: String,
        /// What the model reads.
        description: String,
        /// JSON schema of the arguments.
        parameters: Value,
        /// Whether the model is to be held to the schema by its provider.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        strict: bool,
    },
    /// An MCP server.
    Mcp {
        /// Name of the server in items and approvals.
        label: String,
        /// How to reach it.
        transport: McpTransport,
        /// Tools to offer; all when none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        allowed_tools: Option<Vec<String>>,
        /// Per tool: its safety, where the server's annotations are not to be believed.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        safety: BTreeMap<String, Safety>,
        /// Whether calls need approval.
        #[serde(default)]
        approval: ApprovalMode,
        /// Whether a turn fails when the server cannot be reached.
        #[serde(default)]
        required: bool,
    },
    /// The operations of an OpenAPI document.
    Openapi {
        /// Name of the source in items and approvals.
        label: String,
        /// The document (OpenAPI 3.0 or 3.1, JSON).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        spec: Option<Value>,
        /// Or where to get it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        spec_url: Option<String>,
        /// Operation ids to offer; all when none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        allowed_operations: Option<Vec<String>>,
        /// Per operation id: its safety, where the method's meaning (GET reads, PUT and DELETE are
        /// idempotent, POST and PATCH are once) is not right.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        safety: BTreeMap<String, Safety>,
        /// Per operation id of a `once` operation: the operation id that tells what became of it.
        /// It is called with the same arguments and the same `Idempotency-Key` header; 2xx is done,
        /// 404 is not done.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        reconcile: BTreeMap<String, String>,
        /// Headers for every call.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, String>,
        /// Whether calls need approval.
        #[serde(default)]
        approval: ApprovalMode,
    },
    /// Read, write and search the files of the session's workspace.
    Files {
        /// Whether files may be changed.
        #[serde(default)]
        read_only: bool,
    },
    /// HTTP requests to listed hosts.
    Http {
        /// `host` or `host:port`; nothing else is reached. A host written here may be a loopback
        /// or private address only when the server's configuration allows it.
        allowed_hosts: Vec<String>,
    },
    /// Commands in the session's machine.
    Shell {},
    /// Code in the resident interpreters of the session's machine.
    Code {
        /// Which of them.
        languages: Vec<CodeLanguage>,
    },
    /// Subagents: sessions that the agent makes and talks to.
    Agents {
        /// How many of the whole tree may work at once.
        max_concurrent_count: u32,
    },
}

/// How to reach an MCP server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum McpTransport {
    /// Streamable HTTP.
    Http {
        /// The server's URL.
        url: String,
        /// Headers for every request.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, String>,
    },
    /// A program that the operator has listed in the server's configuration under this name.
    /// Agents cannot name a command of their own.
    Stdio {
        /// The name in the configuration.
        server: String,
    },
}

impl ToolSource {
    /// The label of items that belong to this source; none for functions of the client.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        match self {
            Self::Function { .. } => None,
            Self::Mcp { label, .. } | Self::Openapi { label, .. } => Some(label),
            Self::Files { .. } => Some("files"),
            Self::Http { .. } => Some("http"),
            Self::Shell {} => Some("shell"),
            Self::Code { .. } => Some("code"),
            Self::Agents { .. } => Some(SUBAGENTS_LABEL),
        }
    }

    /// Whether its tools can only be learnt by asking somebody.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        match self {
            Self::Mcp { .. } => true,
            Self::Openapi { spec, .. } => spec.is_none(),
            Self::Function { .. }
            | Self::Files { .. }
            | Self::Http { .. }
            | Self::Shell {}
            | Self::Code { .. }
            | Self::Agents { .. } => false,
        }
    }

    /// Whether its tools work in the session's machine, if the session has one.
    #[must_use]
    pub fn uses_sandbox(&self) -> bool {
        match self {
            Self::Files { .. } | Self::Shell {} | Self::Code { .. } => true,
            Self::Function { .. }
            | Self::Mcp { .. }
            | Self::Openapi { .. }
            | Self::Http { .. }
            | Self::Agents { .. } => false,
        }
    }
}
