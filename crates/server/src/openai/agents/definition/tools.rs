//! Tools from requests to the sources that sessions keep.
//!
//! Invariant: what this server cannot do as asked is refused, not ignored.

use std::collections::BTreeMap;

use mainstay_core::tool::{ApprovalMode, McpTransport, Safety, ToolSource};
use mainstay_protocol::{ApiError, ErrorCode};
use serde_json::{Value, json};

use super::extras::ToolExtras;
use crate::openai::wire::{
    At, ConnectionOrigin, FileAccess, HttpParams, McpParams, McpStdioParams, McpTransportParams,
    OpenApiParams, ToolApproval, ToolParams, ToolSafety,
};
use crate::state::AppState;

/// An agent's tools.
#[derive(Default)]
pub(super) struct ToolList {
    pub(super) sources: Vec<ToolSource>,
    pub(super) extras: Vec<ToolExtras>,
    pub(super) tool_search: bool,
}

impl ToolList {
    /// Reads and checks a request's tools, which stand at `at`.
    pub(super) fn read(
        state: &AppState,
        tools: Vec<ToolParams>,
        at: &At<'_>,
    ) -> Result<Self, ApiError> {
        let mut list = Self::default();
        for (index, tool) in tools.into_iter().enumerate() {
            let at = at.index(index);
            let Some((source, extras)) = list.source(tool, &at)? else { continue };
            if let Err((member, message)) = state.engine().tools().check(&source) {
                return Err(at.field(&member).invalid(message));
            }
            list.sources.push(source);
            list.extras.push(extras);
        }
        Ok(list)
    }

    fn source(
        &mut self,
        tool: ToolParams,
        at: &At<'_>,
    ) -> Result<Option<(ToolSource, ToolExtras)>, ApiError> {
        let mut extras = ToolExtras::default();
        let source = match tool {
            ToolParams::Function(tool) => {
                extras.in_background = tool.in_background;
                extras.defer_loading = tool.defer_loading;
                ToolSource::Function {
                    name: tool.name,
                    description: tool.description,
                    parameters: Value::Object(tool.parameters),
                    strict: tool.strict,
                }
            }
            ToolParams::Mcp(tool) => {
                extras.credential_id.clone_from(&tool.credential_id);
                mcp(tool, at)?
            }
            ToolParams::OpenApi(tool) => {
                extras.server_url.clone_from(&tool.server_url);
                openapi(tool, at)?
            }
            ToolParams::Files(tool) => {
                ToolSource::Files { read_only: tool.access == FileAccess::ReadOnly }
            }
            ToolParams::Http(tool) => http(tool, at)?,
            ToolParams::Shell(_) => ToolSource::Shell {},
            ToolParams::Code(tool) => ToolSource::Code { languages: tool.languages },
            // Functions are always loaded, so there is nothing left to search for.
            ToolParams::ToolSearch(_) => {
                self.tool_search = true;
                return Ok(None);
            }
            ToolParams::ProgrammaticToolCalling(tool) if !tool.enabled => return Ok(None),
            ToolParams::ProgrammaticToolCalling(_) => {
                return Err(unsupported(
                    &at.field("enabled"),
                    "needs compute, which is not configured",
                ));
            }
            ToolParams::WebSearch(_) | ToolParams::ComputerUse(_) | ToolParams::Automations(_) => {
                return Err(unsupported(
                    &at.field("type"),
                    "names a tool that this server does not have",
                ));
            }
        };
        Ok(Some((source, extras)))
    }
}

fn unsupported(at: &At<'_>, message: &str) -> ApiError {
    at.refuse(ErrorCode::Unsupported, message)
}

fn mcp(tool: McpParams, at: &At<'_>) -> Result<ToolSource, ApiError> {
    if tool.connection_origin == Some(ConnectionOrigin::Environment) {
        let message = "is 'environment', which needs compute; compute is not configured";
        return Err(unsupported(&at.field("connection_origin"), message));
    }
    if tool.request_metadata.is_some_and(|metadata| !metadata.is_empty()) {
        return Err(unsupported(&at.field("request_metadata"), "is not sent along by this server"));
    }
    let transport = match tool.transport {
        McpTransportParams::Http(http) => {
            let mut headers = http.headers.unwrap_or_default();
            if let Some(value) = http.authorization {
                headers.insert("authorization".to_owned(), value);
            }
            McpTransport::Http { url: http.server_url, headers }
        }
        McpTransportParams::Stdio(_) if tool.credential_id.is_some() => {
            let message = "is for servers over HTTP; a program's secrets are in the configuration";
            return Err(at.field("credential_id").invalid(message));
        }
        McpTransportParams::Stdio(stdio) => configured_program(stdio, &at.field("transport"))?,
    };
    Ok(ToolSource::Mcp {
        label: tool.server_label,
        transport,
        allowed_tools: tool.allowed_tools,
        safety: safety(tool.safety),
        approval: approval(tool.approval),
        required: tool.required,
    })
}

/// Agents name a program that the operator has configured, never a command of their own.
fn configured_program(stdio: McpStdioParams, at: &At<'_>) -> Result<McpTransport, ApiError> {
    let listed =
        "cannot be set: the command names a program of the server's configuration, which sets it";
    if stdio.args.is_some_and(|args| !args.is_empty()) {
        return Err(unsupported(&at.field("args"), listed));
    }
    if stdio.env.is_some_and(|env| !env.is_empty()) {
        return Err(unsupported(&at.field("env"), listed));
    }
    if stdio.env_vars.is_some_and(|names| !names.is_empty()) {
        return Err(unsupported(&at.field("env_vars"), listed));
    }
    if stdio.cwd != "." {
        return Err(unsupported(
            &at.field("cwd"),
            "is not \".\"; the server's configuration sets it",
        ));
    }
    Ok(McpTransport::Stdio { server: stdio.command })
}

fn openapi(tool: OpenApiParams, at: &At<'_>) -> Result<ToolSource, ApiError> {
    let mut spec = tool.spec.map(Value::Object);
    if let Some(url) = tool.server_url {
        let Some(spec) = &mut spec else {
            let message = "needs the document itself in 'spec', not its address";
            return Err(unsupported(&at.field("server_url"), message));
        };
        spec["servers"] = json!([{ "url": url }]);
    }
    Ok(ToolSource::Openapi {
        label: tool.label,
        spec,
        spec_url: tool.spec_url,
        allowed_operations: tool.allowed_operations,
        safety: safety(tool.safety),
        reconcile: tool.reconcile,
        headers: tool.headers.unwrap_or_default(),
        approval: approval(tool.approval),
    })
}

fn http(tool: HttpParams, at: &At<'_>) -> Result<ToolSource, ApiError> {
    if tool.allowed_methods.is_some() {
        let message = "cannot be restricted; the tool sends any method";
        return Err(unsupported(&at.field("allowed_methods"), message));
    }
    Ok(ToolSource::Http { allowed_hosts: tool.allowed_hosts })
}

fn approval(asked: ToolApproval) -> ApprovalMode {
    match asked {
        ToolApproval::Never => ApprovalMode::Never,
        ToolApproval::Always => ApprovalMode::Always,
    }
}

fn safety(params: BTreeMap<String, ToolSafety>) -> BTreeMap<String, Safety> {
    let class = |safety| match safety {
        ToolSafety::ReadOnly => Safety::ReadOnly,
        ToolSafety::Idempotent => Safety::Idempotent,
        ToolSafety::Once => Safety::Once,
    };
    params.into_iter().map(|(name, safety)| (name, class(safety))).collect()
}
