//! An agent's tools, as shown.
//!
//! Invariant: every default is filled in and no secret is shown: authorization, environment values
//! and the headers of extensions go in and never come out.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::settings::NoFields;
use super::tool_params::{
    CodeParams, ComputerUseParams, ConnectionOrigin, ContextSize, FilesParams, FunctionParams,
    HttpParams, Location, McpParams, McpTransportParams, OpenApiParams, ProgrammaticParams,
    SearchMode, ToolApproval, ToolParams, ToolSafety, WebSearchParams,
};

/// The methods of the `http` tool when an agent does not say.
pub const DEFAULT_HTTP_METHODS: [&str; 2] = ["GET", "HEAD"];

/// A tool of an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Tool {
    /// A function that the client runs.
    Function(FunctionTool),
    /// Finds deferred functions; a session does not show it.
    ToolSearch(NoFields),
    /// Calls tools from code that the model writes.
    ProgrammaticToolCalling(ProgrammaticParams),
    /// The tools of an MCP server.
    Mcp(McpTool),
    /// Web search.
    WebSearch(WebSearchTool),
    /// A browser.
    ComputerUse(ComputerUseParams),
    /// The agent's own timers.
    Automations(NoFields),
    /// Extension: the operations of an OpenAPI document.
    #[serde(rename = "openapi")]
    OpenApi(OpenApiTool),
    /// Extension: files of the session's workspace.
    Files(FilesParams),
    /// Extension: HTTP requests to listed hosts.
    Http(HttpTool),
    /// Extension: commands in the session's machine.
    Shell(NoFields),
    /// Extension: code in interpreters of the session's machine.
    Code(CodeParams),
}

/// A function that the client runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FunctionTool {
    /// The name that the model calls.
    pub name: String,
    /// What it does.
    pub description: String,
    /// The JSON Schema of its arguments.
    pub parameters: Map<String, Value>,
    /// Extension: whether the model is held to the schema by its provider; absent when it is not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schemars(extend("x-mainstay-extension" = true))]
    pub strict: bool,
    /// Whether the agent goes on without its result.
    #[serde(rename = "async")]
    pub in_background: bool,
    /// Whether it is only found by searching.
    pub defer_loading: bool,
}

/// The tools of an MCP server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct McpTool {
    /// The name of the server in tool calls.
    pub server_label: String,
    /// How to reach it.
    pub transport: McpTransport,
    /// The tools that the agent may call; all when null.
    pub allowed_tools: Option<Vec<String>>,
    /// Where connections to it start.
    pub connection_origin: ConnectionOrigin,
    /// The vault credential for it.
    pub credential_id: Option<String>,
    /// What is sent along with each request.
    pub request_metadata: Map<String, Value>,
    /// Whether a turn cannot start without it.
    pub required: bool,
    /// Extension: the safety of tools whose server does not declare it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub safety: BTreeMap<String, ToolSafety>,
    /// Extension: whether a person must approve each call.
    #[serde(default, skip_serializing_if = "ToolApproval::is_never")]
    pub approval: ToolApproval,
}

/// How to reach an MCP server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum McpTransport {
    /// Over HTTP.
    Http {
        /// Its address.
        server_url: String,
        /// Headers that are no secrets; a session does not show them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        headers: Option<BTreeMap<String, String>>,
    },
    /// As a process.
    Stdio {
        /// The program.
        command: String,
        /// Its working directory.
        cwd: String,
        /// Its arguments.
        args: Vec<String>,
        /// Environment variables passed on to it, by name.
        env_vars: Vec<String>,
    },
}

/// Web search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WebSearchTool {
    /// The domains searched; all when null.
    pub allowed_domains: Option<Vec<String>>,
    /// How much of what is found the model sees.
    pub context_size: ContextSize,
    /// Where the searcher is, roughly.
    pub location: Option<Location>,
    /// Where results come from.
    pub mode: SearchMode,
}

/// The operations of an OpenAPI document (extension).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OpenApiTool {
    /// The name of the document in tool calls.
    pub label: String,
    /// The document itself.
    pub spec: Option<Map<String, Value>>,
    /// Where the document is.
    pub spec_url: Option<String>,
    /// The address of the service, when the document's own is not meant.
    pub server_url: Option<String>,
    /// The operations that the agent may call; all when null.
    pub allowed_operations: Option<Vec<String>>,
    /// The safety of operations, where the HTTP method says too little.
    pub safety: BTreeMap<String, ToolSafety>,
    /// For an operation that must not be called twice, the operation that tells what became of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reconcile: BTreeMap<String, String>,
    /// Whether a person must approve each call.
    #[serde(default, skip_serializing_if = "ToolApproval::is_never")]
    pub approval: ToolApproval,
}

/// HTTP requests to listed hosts (extension).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HttpTool {
    /// The hosts that may be asked.
    pub allowed_hosts: Vec<String>,
    /// The methods that may be used.
    pub allowed_methods: Vec<String>,
}

impl ToolParams {
    /// The tool as an agent shows it.
    #[must_use]
    pub fn resolve(self) -> Tool {
        match self {
            Self::Function(tool) => Tool::Function(tool.into()),
            Self::ToolSearch(none) => Tool::ToolSearch(none),
            Self::ProgrammaticToolCalling(tool) => Tool::ProgrammaticToolCalling(tool),
            Self::Mcp(tool) => Tool::Mcp(tool.into()),
            Self::WebSearch(tool) => Tool::WebSearch(tool.into()),
            Self::ComputerUse(tool) => Tool::ComputerUse(tool),
            Self::Automations(none) => Tool::Automations(none),
            Self::OpenApi(tool) => Tool::OpenApi(tool.into()),
            Self::Files(tool) => Tool::Files(tool),
            Self::Http(tool) => Tool::Http(tool.into()),
            Self::Shell(none) => Tool::Shell(none),
            Self::Code(tool) => Tool::Code(tool),
        }
    }
}

impl Tool {
    /// The tool as a session shows it: none of the agent's headers, no `tool_search`.
    #[must_use]
    pub fn for_session(mut self) -> Option<Self> {
        if matches!(self, Self::ToolSearch(_)) {
            return None;
        }
        if let Self::Mcp(McpTool { transport: McpTransport::Http { headers, .. }, .. }) = &mut self
        {
            *headers = None;
        }
        Some(self)
    }
}

impl From<FunctionParams> for FunctionTool {
    fn from(tool: FunctionParams) -> Self {
        let FunctionParams { name, description, parameters, strict, in_background, defer_loading } =
            tool;
        Self { name, description, parameters, strict, in_background, defer_loading }
    }
}

impl From<McpParams> for McpTool {
    fn from(tool: McpParams) -> Self {
        Self {
            server_label: tool.server_label,
            transport: tool.transport.into(),
            allowed_tools: tool.allowed_tools,
            connection_origin: tool.connection_origin.unwrap_or_default(),
            credential_id: tool.credential_id,
            request_metadata: tool.request_metadata.unwrap_or_default(),
            required: tool.required,
            safety: tool.safety,
            approval: tool.approval,
        }
    }
}

impl From<McpTransportParams> for McpTransport {
    fn from(transport: McpTransportParams) -> Self {
        match transport {
            McpTransportParams::Http(http) => Self::Http {
                server_url: http.server_url,
                headers: Some(http.headers.unwrap_or_default()),
            },
            McpTransportParams::Stdio(stdio) => Self::Stdio {
                command: stdio.command,
                cwd: stdio.cwd,
                args: stdio.args.unwrap_or_default(),
                env_vars: stdio.env_vars.unwrap_or_default(),
            },
        }
    }
}

impl From<WebSearchParams> for WebSearchTool {
    fn from(tool: WebSearchParams) -> Self {
        Self {
            allowed_domains: tool.allowed_domains,
            context_size: tool.context_size.unwrap_or_default(),
            location: tool.location,
            mode: tool.mode.unwrap_or_default(),
        }
    }
}

impl From<OpenApiParams> for OpenApiTool {
    fn from(tool: OpenApiParams) -> Self {
        Self {
            label: tool.label,
            spec: tool.spec,
            spec_url: tool.spec_url,
            server_url: tool.server_url,
            allowed_operations: tool.allowed_operations,
            safety: tool.safety,
            reconcile: tool.reconcile,
            approval: tool.approval,
        }
    }
}

impl From<HttpParams> for HttpTool {
    fn from(tool: HttpParams) -> Self {
        let methods = tool.allowed_methods;
        Self {
            allowed_hosts: tool.allowed_hosts,
            allowed_methods: methods
                .unwrap_or_else(|| DEFAULT_HTTP_METHODS.map(str::to_owned).to_vec()),
        }
    }
}
