//! An agent's tools, as asked for.
//!
//! Invariant: the SDK's tool types word for word; the extensions `openapi`, `files`, `http`, `shell`
//! and `code` are further types of the same list. Deliberately absent: limits
//! (`tool_check`), and whether this server can run a tool.

use std::collections::BTreeMap;

use mainstay_core::port::CodeLanguage;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::limits::{
    MAX_LINE_CHARS, MAX_TOOL_DESCRIPTION_CHARS, MAX_TOOL_LIST, MAX_TOOL_NAME_CHARS,
};
use super::parse::tagged_params;
use super::settings::NoFields;
use crate::openapi::shape;
use mainstay_protocol::MAX_ID_CHARS;

tagged_params! {
    /// A tool of an agent, as asked for.
    ToolParams by "type" {
        /// A function that the client runs.
        Function(FunctionParams) = "function",
        /// Finds deferred functions.
        ToolSearch(NoFields) = "tool_search",
        /// Calls tools from code that the model writes.
        ProgrammaticToolCalling(ProgrammaticParams) = "programmatic_tool_calling",
        /// The tools of an MCP server.
        Mcp(McpParams) = "mcp",
        /// Web search.
        WebSearch(WebSearchParams) = "web_search",
        /// A browser.
        ComputerUse(ComputerUseParams) = "computer_use",
        /// The agent's own timers.
        Automations(NoFields) = "automations",
        /// Extension: the operations of an OpenAPI document.
        OpenApi(OpenApiParams) = "openapi",
        /// Extension: files of the session's workspace.
        Files(FilesParams) = "files",
        /// Extension: HTTP requests to listed hosts.
        Http(HttpParams) = "http",
        /// Extension: commands in the session's machine.
        Shell(NoFields) = "shell",
        /// Extension: code in interpreters of the session's machine.
        Code(CodeParams) = "code",
    }
}

/// A function that the client runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FunctionParams {
    /// The name that the model calls.
    #[schemars(regex(pattern = "^[a-zA-Z0-9_-]+$"), length(min = 1, max = MAX_TOOL_NAME_CHARS))]
    pub name: String,
    /// What it does.
    #[schemars(length(max = MAX_TOOL_DESCRIPTION_CHARS))]
    pub description: String,
    /// The JSON Schema of its arguments.
    pub parameters: Map<String, Value>,
    /// Extension: whether the model is held to the schema by its provider. The schema must have the form
    /// that the provider asks for then.
    #[serde(default)]
    pub strict: bool,
    /// Whether the agent goes on without its result.
    #[serde(default, rename = "async")]
    pub in_background: bool,
    /// Whether it is only found by searching.
    #[serde(default)]
    pub defer_loading: bool,
}

/// Calls tools from code that the model writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProgrammaticParams {
    /// Whether it is on.
    #[serde(default = "on")]
    pub enabled: bool,
}

fn on() -> bool {
    true
}

/// The tools of an MCP server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct McpParams {
    /// The name of the server in tool calls.
    #[schemars(regex(pattern = "^[a-zA-Z0-9_-]+$"), length(min = 1, max = MAX_TOOL_NAME_CHARS))]
    pub server_label: String,
    /// How to reach it.
    pub transport: McpTransportParams,
    /// The tools that the agent may call; all when null.
    #[serde(default)]
    #[schemars(length(max = MAX_TOOL_LIST), inner(length(min = 1, max = MAX_LINE_CHARS)))]
    pub allowed_tools: Option<Vec<String>>,
    /// Where connections to it start.
    #[serde(default)]
    pub connection_origin: Option<ConnectionOrigin>,
    /// The vault credential for it.
    #[serde(default)]
    #[schemars(length(min = 1, max = MAX_ID_CHARS))]
    pub credential_id: Option<String>,
    /// What is sent along with each request.
    #[serde(default)]
    pub request_metadata: Option<Map<String, Value>>,
    /// Whether a turn cannot start without it.
    #[serde(default)]
    pub required: bool,
    /// Extension: the safety of tools whose server does not declare it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub safety: BTreeMap<String, ToolSafety>,
    /// Extension: whether a person must approve each call.
    #[serde(default, skip_serializing_if = "ToolApproval::is_never")]
    pub approval: ToolApproval,
}

tagged_params! {
    /// How to reach an MCP server.
    McpTransportParams by "type" {
        /// Over HTTP.
        Http(McpHttpParams) = "http",
        /// As a process.
        Stdio(McpStdioParams) = "stdio",
    }
}

/// An MCP server over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct McpHttpParams {
    /// Its address.
    #[schemars(length(min = 1, max = MAX_LINE_CHARS), regex(pattern = "^[hH][tT][tT][pP][sS]?:"))]
    pub server_url: String,
    /// The value of the `Authorization` header; never shown again.
    #[serde(default)]
    #[schemars(length(max = MAX_LINE_CHARS))]
    pub authorization: Option<String>,
    /// Further headers.
    #[serde(default)]
    pub headers: Option<BTreeMap<String, String>>,
}

/// An MCP server as a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct McpStdioParams {
    /// The program.
    #[schemars(length(min = 1, max = MAX_LINE_CHARS))]
    pub command: String,
    /// Its working directory.
    #[schemars(length(min = 1, max = MAX_LINE_CHARS))]
    pub cwd: String,
    /// Its arguments.
    #[serde(default)]
    #[schemars(length(max = MAX_TOOL_LIST), inner(length(min = 1, max = MAX_LINE_CHARS)))]
    pub args: Option<Vec<String>>,
    /// Environment variables set for it; never shown again.
    #[serde(default)]
    pub env: Option<BTreeMap<String, String>>,
    /// Environment variables passed on to it, by name.
    #[serde(default)]
    #[schemars(length(max = MAX_TOOL_LIST), inner(length(min = 1, max = MAX_LINE_CHARS)))]
    pub env_vars: Option<Vec<String>>,
}

/// Where connections to an MCP server start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionOrigin {
    /// At the server.
    #[default]
    Service,
    /// In the session's environment.
    Environment,
}

/// Web search.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebSearchParams {
    /// The domains searched; all when null.
    #[serde(default)]
    #[schemars(length(max = MAX_TOOL_LIST), inner(length(min = 1, max = MAX_LINE_CHARS)))]
    pub allowed_domains: Option<Vec<String>>,
    /// How much of what is found the model sees.
    #[serde(default)]
    pub context_size: Option<ContextSize>,
    /// Where the searcher is, roughly.
    #[serde(default)]
    pub location: Option<Location>,
    /// Where results come from.
    #[serde(default)]
    pub mode: Option<SearchMode>,
}

/// How much of what is found the model sees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ContextSize {
    Low,
    #[default]
    Medium,
    High,
}

/// Where search results come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SearchMode {
    Disabled,
    Cached,
    #[default]
    Live,
}

/// Where a searcher is, roughly.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// The city's name.
    #[serde(default)]
    pub city: Option<String>,
    /// The country's two letters.
    #[serde(default)]
    pub country: Option<String>,
    /// The region's name.
    #[serde(default)]
    pub region: Option<String>,
    /// The IANA time zone.
    #[serde(default)]
    pub timezone: Option<String>,
}

/// A browser.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComputerUseParams {
    /// Whether outputs hold screenshots.
    #[serde(default)]
    pub include_screenshots: bool,
}

/// What may happen when a tool is called twice (extension).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolSafety {
    /// It changes nothing.
    ReadOnly,
    /// The second call under the same key changes nothing more.
    Idempotent,
    /// It must not be called twice.
    Once,
}

/// Whether a person must approve a tool's calls (extension).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolApproval {
    /// No call.
    #[default]
    Never,
    /// Each call.
    Always,
}

impl ToolApproval {
    /// Whether no call is asked about.
    #[must_use]
    pub fn is_never(&self) -> bool {
        *self == Self::Never
    }
}

/// The operations of an OpenAPI document (extension).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenApiParams {
    /// The name of the document in tool calls.
    #[schemars(regex(pattern = "^[a-zA-Z0-9_-]+$"), length(min = 1, max = MAX_TOOL_NAME_CHARS))]
    pub label: String,
    /// The document itself, or …
    #[serde(default)]
    pub spec: Option<Map<String, Value>>,
    /// … where it is.
    #[serde(default)]
    pub spec_url: Option<String>,
    /// The address of the service, when the document's own is not meant.
    #[serde(default)]
    pub server_url: Option<String>,
    /// The operations that the agent may call; all when null.
    #[serde(default)]
    #[schemars(length(max = MAX_TOOL_LIST), inner(length(min = 1, max = MAX_LINE_CHARS)))]
    pub allowed_operations: Option<Vec<String>>,
    /// The safety of operations, where the HTTP method says too little.
    #[serde(default)]
    pub safety: BTreeMap<String, ToolSafety>,
    /// For an operation that must not be called twice, the operation that tells what became of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reconcile: BTreeMap<String, String>,
    /// Whether a person must approve each call.
    #[serde(default, skip_serializing_if = "ToolApproval::is_never")]
    pub approval: ToolApproval,
    /// Headers of each request; never shown again.
    #[serde(default)]
    pub headers: Option<BTreeMap<String, String>>,
}

/// Files of the session's workspace (extension).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilesParams {
    /// What the agent may do to them.
    #[serde(default)]
    pub access: FileAccess,
}

/// What an agent may do to its workspace's files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileAccess {
    /// Read and list.
    ReadOnly,
    /// Read, list and write.
    #[default]
    ReadWrite,
}

/// Code in the resident interpreters of the session's machine (extension).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeParams {
    /// The languages on offer.
    #[serde(default = "all_languages")]
    #[schemars(with = "Vec<LanguageName>", length(min = 1))]
    pub languages: Vec<CodeLanguage>,
}

shape! {
    /// A language with a resident interpreter.
    LanguageName = |_| {
        json!({"type": "string", "enum": [CodeLanguage::Python, CodeLanguage::Javascript]})
    }
}

fn all_languages() -> Vec<CodeLanguage> {
    vec![CodeLanguage::Python, CodeLanguage::Javascript]
}

/// HTTP requests to listed hosts (extension).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpParams {
    /// The hosts that may be asked.
    #[schemars(length(min = 1, max = MAX_TOOL_LIST), inner(length(min = 1, max = MAX_LINE_CHARS)))]
    pub allowed_hosts: Vec<String>,
    /// The methods that may be used; `GET` and `HEAD` when null.
    #[serde(default)]
    #[schemars(length(max = MAX_TOOL_LIST), inner(length(min = 1, max = MAX_LINE_CHARS)))]
    pub allowed_methods: Option<Vec<String>>,
}
