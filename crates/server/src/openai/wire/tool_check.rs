//! The limits of an agent's tools.
//!
//! Invariant: a model's tool call names exactly one tool of the list. Deliberately absent: anything
//! that needs the network, such as whether a server answers.

use std::collections::{BTreeMap, HashSet};

use mainstay_protocol::ApiError;

use super::limits::{
    MAX_LINE_CHARS, MAX_TOOL_DESCRIPTION_CHARS, MAX_TOOL_LIST, MAX_TOOLS, MAX_TOOLS_BYTES, count,
    filled, id, line_map, lines, text, tool_name,
};
use super::tool_params::{
    HttpParams, McpHttpParams, McpParams, McpStdioParams, McpTransportParams, OpenApiParams,
    ToolParams,
};
use super::{At, Validate};

impl ToolParams {
    /// The name that no other tool of the agent may have.
    fn name(&self) -> &str {
        match self {
            Self::Function(tool) => &tool.name,
            Self::Mcp(tool) => &tool.server_label,
            Self::OpenApi(tool) => &tool.label,
            Self::ToolSearch(_) => "tool_search",
            Self::ProgrammaticToolCalling(_) => "programmatic_tool_calling",
            Self::WebSearch(_) => "web_search",
            Self::ComputerUse(_) => "computer_use",
            Self::Automations(_) => "automations",
            Self::Files(_) => "files",
            Self::Http(_) => "http",
            Self::Shell(_) => "shell",
            Self::Code(_) => "code",
        }
    }
}

/// Refuses a tool list that is too large, ambiguous or holds a bad tool.
pub(crate) fn validate_tools(at: &At<'_>, tools: &[ToolParams]) -> Result<(), ApiError> {
    count(at, tools.len(), MAX_TOOLS)?;
    let mut names = HashSet::new();
    for (index, tool) in tools.iter().enumerate() {
        let at = at.index(index);
        tool.validate(&at)?;
        if !names.insert(tool.name()) {
            return Err(at.invalid(format!("has the name {:?} of another tool", tool.name())));
        }
    }
    let size_bytes = serde_json::to_vec(tools).map_or(usize::MAX, |bytes| bytes.len());
    if size_bytes > MAX_TOOLS_BYTES {
        return Err(at.invalid(format!("is larger than {MAX_TOOLS_BYTES} bytes")));
    }
    Ok(())
}

impl Validate for ToolParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        match self {
            Self::Function(tool) => {
                tool_name(&at.field("name"), &tool.name)?;
                text(&at.field("description"), &tool.description, MAX_TOOL_DESCRIPTION_CHARS)
            }
            Self::Mcp(tool) => tool.validate(at),
            Self::WebSearch(tool) => {
                optional_lines(&at.field("allowed_domains"), &tool.allowed_domains)
            }
            Self::OpenApi(tool) => tool.validate(at),
            Self::Http(tool) => tool.validate(at),
            Self::ToolSearch(_)
            | Self::ProgrammaticToolCalling(_)
            | Self::ComputerUse(_)
            | Self::Automations(_)
            | Self::Files(_)
            | Self::Shell(_)
            | Self::Code(_) => Ok(()),
        }
    }
}

fn optional_lines(at: &At<'_>, values: &Option<Vec<String>>) -> Result<(), ApiError> {
    values.as_deref().map_or(Ok(()), |values| lines(at, values, MAX_TOOL_LIST))
}

fn optional_map(at: &At<'_>, values: &Option<BTreeMap<String, String>>) -> Result<(), ApiError> {
    values.as_ref().map_or(Ok(()), |values| line_map(at, values, MAX_TOOL_LIST))
}

/// Refuses an address that is not one of HTTP.
fn http_url(at: &At<'_>, value: &str) -> Result<(), ApiError> {
    filled(at, value, MAX_LINE_CHARS)?;
    let known = |url: &url::Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    match url::Url::parse(value) {
        Ok(url) if known(&url) => Ok(()),
        Ok(_) | Err(_) => Err(at.invalid(format!("is {value:?}, not an HTTP address"))),
    }
}

impl Validate for McpParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        tool_name(&at.field("server_label"), &self.server_label)?;
        let transport = at.field("transport");
        match &self.transport {
            McpTransportParams::Http(http) => http.validate(&transport)?,
            McpTransportParams::Stdio(stdio) => stdio.validate(&transport)?,
        }
        optional_lines(&at.field("allowed_tools"), &self.allowed_tools)?;
        count(&at.field("safety"), self.safety.len(), MAX_TOOL_LIST)?;
        self.credential_id.as_deref().map_or(Ok(()), |value| id(&at.field("credential_id"), value))
    }
}

impl Validate for McpHttpParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        http_url(&at.field("server_url"), &self.server_url)?;
        if let Some(value) = &self.authorization {
            text(&at.field("authorization"), value, MAX_LINE_CHARS)?;
        }
        optional_map(&at.field("headers"), &self.headers)
    }
}

impl Validate for McpStdioParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        filled(&at.field("command"), &self.command, MAX_LINE_CHARS)?;
        filled(&at.field("cwd"), &self.cwd, MAX_LINE_CHARS)?;
        optional_lines(&at.field("args"), &self.args)?;
        optional_map(&at.field("env"), &self.env)?;
        optional_lines(&at.field("env_vars"), &self.env_vars)
    }
}

impl Validate for OpenApiParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        tool_name(&at.field("label"), &self.label)?;
        match (&self.spec, &self.spec_url) {
            (Some(_), None) => {}
            (None, Some(url)) => http_url(&at.field("spec_url"), url)?,
            (None, None) => return Err(at.field("spec").missing("or 'spec_url' is required")),
            (Some(_), Some(_)) => {
                return Err(at.field("spec_url").invalid("cannot be combined with 'spec'"));
            }
        }
        if let Some(url) = &self.server_url {
            http_url(&at.field("server_url"), url)?;
        }
        optional_lines(&at.field("allowed_operations"), &self.allowed_operations)?;
        count(&at.field("safety"), self.safety.len(), MAX_TOOL_LIST)?;
        optional_map(&at.field("headers"), &self.headers)
    }
}

impl Validate for HttpParams {
    fn validate(&self, at: &At<'_>) -> Result<(), ApiError> {
        let hosts = at.field("allowed_hosts");
        if self.allowed_hosts.is_empty() {
            return Err(hosts.invalid("must not be empty"));
        }
        lines(&hosts, &self.allowed_hosts, MAX_TOOL_LIST)?;
        optional_lines(&at.field("allowed_methods"), &self.allowed_methods)
    }
}
