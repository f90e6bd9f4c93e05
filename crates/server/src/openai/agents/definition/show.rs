//! Definitions as clients read them.

use std::collections::BTreeMap;

use mainstay_core::agent::AgentDefinition;
use mainstay_core::resource::AgentRow;
use mainstay_core::tool::{ApprovalMode, McpTransport, Safety, ToolSource, UnknownRule};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::extras::{AgentExtras, ToolExtras};
use crate::openai::project::seconds;
use crate::openai::wire::{
    Agent, CodeParams, ConnectionOrigin, FileAccess, FilesParams, FunctionTool, HttpTool,
    JsonSchemaFormat, McpTool, McpTransport as ShownTransport, NoFields, OpenApiTool, Reasoning,
    RuntimeSettings, SessionAgent, Text, TextFormat, Tool, ToolApproval, ToolSafety, TurnLimits,
    UnknownOutcomeRule,
};

/// Every method that the `http` tool sends.
const HTTP_METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// A saved agent.
pub(crate) fn show_agent(row: &AgentRow) -> Agent {
    let definition = row.definition.as_ref();
    let extras = AgentExtras::of(definition);
    Agent {
        id: row.id.to_string(),
        created_at: seconds(row.created_at_ms),
        updated_at: seconds(row.updated_at_ms),
        name: definition.name.clone(),
        instructions: definition.instructions.clone(),
        model: definition.model.clone(),
        metadata: row.metadata.clone(),
        multi_agent: extras.multi_agent,
        reasoning: show_reasoning(definition, &extras),
        service_tier: extras.service_tier,
        text: text(definition),
        tools: tools(definition, &extras).collect(),
        compaction: extras.compaction,
        experimental: extras.experimental,
        mainstay: Some(runtime(definition)),
    }
}

/// The agent inside a session.
pub(crate) fn show_session_agent(definition: &AgentDefinition) -> SessionAgent {
    let extras = AgentExtras::of(definition);
    SessionAgent {
        id: definition.id.to_string(),
        name: definition.name.clone(),
        instructions: definition.instructions.clone(),
        model: definition.model.clone(),
        multi_agent: extras.multi_agent,
        reasoning: show_reasoning(definition, &extras),
        service_tier: extras.service_tier,
        text: text(definition),
        tools: tools(definition, &extras).filter_map(Tool::for_session).collect(),
        compaction: extras.compaction,
        experimental: extras.experimental,
        mainstay: Some(runtime(definition)),
    }
}

/// How the model reasons.
pub(super) fn show_reasoning(definition: &AgentDefinition, extras: &AgentExtras) -> Reasoning {
    let effort = definition.reasoning_effort.as_deref().and_then(from_word);
    Reasoning { effort, summary: extras.reasoning_summary }
}

fn text(definition: &AgentDefinition) -> Text {
    let schema = definition.response_schema.as_ref().and_then(|schema| schema.get("schema"));
    let format = match schema {
        Some(Value::Object(schema)) => {
            TextFormat::JsonSchema(JsonSchemaFormat { schema: schema.clone() })
        }
        Some(_) | None => TextFormat::default(),
    };
    let verbosity = definition.verbosity.as_deref().and_then(from_word).unwrap_or_default();
    Text { format, verbosity }
}

/// The value of an enum's own word.
fn from_word<T: DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(Value::String(word.to_owned())).ok()
}

fn runtime(definition: &AgentDefinition) -> RuntimeSettings {
    let limits = definition.limits;
    RuntimeSettings {
        fallback_models: definition.fallback_models.clone(),
        unknown_outcome: match definition.unknown_outcome {
            UnknownRule::Ask => UnknownOutcomeRule::Ask,
            UnknownRule::Report => UnknownOutcomeRule::Report,
            UnknownRule::Retry => UnknownOutcomeRule::Retry,
        },
        limits: TurnLimits {
            steps: Some(limits.max_steps),
            tool_calls: Some(limits.max_tool_calls),
            tokens: Some(limits.max_tokens),
            wall_time_ms: Some(limits.max_wall_ms),
        },
    }
}

fn tools(definition: &AgentDefinition, extras: &AgentExtras) -> impl Iterator<Item = Tool> {
    let none = ToolExtras::default();
    let shown: Vec<Tool> = definition
        .tools
        .iter()
        .enumerate()
        .map(|(index, source)| (source, extras.tools.get(index).unwrap_or(&none)))
        .filter(|(_, extras)| !extras.of_environment)
        .filter_map(|(source, extras)| tool(source, extras))
        .collect();
    shown.into_iter().chain(extras.tool_search.then_some(Tool::ToolSearch(NoFields {})))
}

/// A tool as clients list it; subagents are a setting of their own.
fn tool(source: &ToolSource, extras: &ToolExtras) -> Option<Tool> {
    Some(match source.clone() {
        ToolSource::Function { name, description, parameters, strict } => {
            let parameters = match parameters {
                Value::Object(parameters) => parameters,
                _ => serde_json::Map::new(),
            };
            let ToolExtras { in_background, defer_loading, .. } = *extras;
            Tool::Function(FunctionTool {
                name,
                description,
                parameters,
                strict,
                in_background,
                defer_loading,
            })
        }
        ToolSource::Mcp { label, transport, allowed_tools, safety, required, approval } => {
            Tool::Mcp(McpTool {
                server_label: label,
                transport: show_transport(transport),
                allowed_tools,
                connection_origin: ConnectionOrigin::Service,
                credential_id: extras.credential_id.clone(),
                request_metadata: serde_json::Map::new(),
                required,
                safety: show_safety(safety),
                approval: show_approval(approval),
            })
        }
        ToolSource::Openapi {
            label,
            spec,
            spec_url,
            allowed_operations,
            safety,
            reconcile,
            approval,
            headers: _,
        } => Tool::OpenApi(OpenApiTool {
            label,
            spec: spec.and_then(|spec| match spec {
                Value::Object(spec) => Some(spec),
                _ => None,
            }),
            spec_url,
            server_url: extras.server_url.clone(),
            allowed_operations,
            safety: show_safety(safety),
            reconcile,
            approval: show_approval(approval),
        }),
        ToolSource::Files { read_only } => {
            let access = if read_only { FileAccess::ReadOnly } else { FileAccess::ReadWrite };
            Tool::Files(FilesParams { access })
        }
        ToolSource::Http { allowed_hosts } => {
            let allowed_methods = HTTP_METHODS.map(str::to_owned).to_vec();
            Tool::Http(HttpTool { allowed_hosts, allowed_methods })
        }
        ToolSource::Shell {} => Tool::Shell(NoFields {}),
        ToolSource::Code { languages } => Tool::Code(CodeParams { languages }),
        ToolSource::Agents { .. } => return None,
    })
}

/// How an MCP server is reached. Headers may be secrets, so that only their absence is shown.
fn show_transport(transport: McpTransport) -> ShownTransport {
    match transport {
        McpTransport::Http { url, headers: _ } => {
            ShownTransport::Http { server_url: url, headers: Some(BTreeMap::new()) }
        }
        McpTransport::Stdio { server } => ShownTransport::Stdio {
            command: server,
            cwd: ".".to_owned(),
            args: Vec::new(),
            env_vars: Vec::new(),
        },
    }
}

fn show_approval(approval: ApprovalMode) -> ToolApproval {
    match approval {
        ApprovalMode::Never => ToolApproval::Never,
        ApprovalMode::Always => ToolApproval::Always,
    }
}

fn show_safety(safety: BTreeMap<String, Safety>) -> BTreeMap<String, ToolSafety> {
    let class = |safety| match safety {
        Safety::ReadOnly => ToolSafety::ReadOnly,
        Safety::Idempotent => ToolSafety::Idempotent,
        Safety::Once => ToolSafety::Once,
    };
    safety.into_iter().map(|(name, safety)| (name, class(safety))).collect()
}
