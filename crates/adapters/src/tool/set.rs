//! All tools of this installation behind the port.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};
use mainstay_core::port::{
    Clock, CodeLanguage, Grant, Reconciliation, Return, SecretText, ToolCall, ToolContext,
    ToolError, ToolOutput, Tools,
};
use mainstay_core::subagent::subagent_specs;
use mainstay_core::tool::{ApprovalMode, Safety, ToolSource, ToolSpec};
use serde_json::Value;

use super::cache::{SourceCache, hash_json};
use super::egress::{AllowedHosts, Egress, Lookup, SystemLookup};
use super::files::{FileTools, file_specs};
use super::http;
use super::machine::{MachineTools, code_specs, shell_spec};
use super::mcp::McpTools;
use super::names::{MAX_NAME_CHARS, is_tool_name};
use super::openapi::{self, OpenapiTools};
use super::output::terminal;
use super::schema::{MAX_SCHEMA_BYTES, Schemas, compile};
use super::settings::ToolSettings;
use super::spec::Draft;
use crate::http_client::HttpClientError;

/// The most tools that one agent offers to a model.
pub(crate) const MAX_TOOLS: usize = 128;
/// The most sources of one agent that are asked at once.
const MAX_SOURCES_AT_ONCE: usize = 8;

/// The tools of this installation.
pub struct ToolSet {
    files: FileTools,
    machine: Option<MachineTools>,
    egress: Arc<Egress>,
    http_hosts: SourceCache<AllowedHosts>,
    openapi: OpenapiTools,
    mcp: McpTools,
    schemas: Schemas,
}

impl ToolSet {
    /// The tools as the operator set them. Must be called inside a Tokio runtime.
    pub fn new(settings: ToolSettings, clock: Arc<dyn Clock>) -> Result<Self, HttpClientError> {
        Self::with_lookup(settings, clock, &(Arc::new(SystemLookup) as Arc<dyn Lookup>))
    }

    /// The same with names resolved by `lookup`.
    pub fn with_lookup(
        settings: ToolSettings,
        clock: Arc<dyn Clock>,
        lookup: &Arc<dyn Lookup>,
    ) -> Result<Self, HttpClientError> {
        let egress = Arc::new(Egress::new(settings.private_hosts_allowed, lookup)?);
        Ok(Self {
            files: FileTools::new(settings.workspaces, settings.workspace_template),
            machine: settings.sandboxes.map(MachineTools::new),
            openapi: OpenapiTools::new(Arc::clone(&egress), Arc::clone(&clock)),
            mcp: McpTools::new(settings.mcp_servers, settings.oauth, Arc::clone(&egress), clock),
            egress,
            http_hosts: SourceCache::new(),
            schemas: Schemas::new(),
        })
    }

    async fn resolve_one(
        &self,
        position: usize,
        source: &ToolSource,
        context: &ToolContext,
    ) -> Result<Vec<ToolSpec>, ToolError> {
        match source {
            ToolSource::Function { name, description, parameters, strict } => {
                let spec = function_spec(name, description, parameters, position);
                Ok(vec![ToolSpec { strict: *strict, ..spec }])
            }
            ToolSource::Mcp { .. } => self.mcp.resolve(source, context, position).await,
            ToolSource::Openapi { .. } => self.openapi.resolve(source, position).await,
            ToolSource::Files { read_only } => Ok(file_specs(*read_only, position)),
            ToolSource::Http { allowed_hosts } => {
                let hosts = http::check(allowed_hosts)
                    .map_err(|(member, reason)| terminal(format!("{member}: {reason}")))?;
                Ok(http::http_specs(&hosts, position))
            }
            ToolSource::Shell {} => Ok(vec![shell_spec(position)]),
            ToolSource::Code { languages } => Ok(code_specs(languages, position)),
            ToolSource::Agents { .. } => Ok(subagent_specs(position)),
        }
    }

    fn machine(&self) -> Result<&MachineTools, ToolError> {
        let missing = "isolated compute is switched off in this server's configuration";
        self.machine.as_ref().ok_or_else(|| terminal(missing))
    }

    fn hosts(
        &self,
        source: &Arc<ToolSource>,
        allowed_hosts: &[String],
    ) -> Result<Arc<AllowedHosts>, ToolError> {
        if let Some(known) = self.http_hosts.same(source) {
            return Ok(known);
        }
        let fingerprint = hash_json(source.as_ref()).fingerprint;
        let hosts = match self.http_hosts.equal(&fingerprint) {
            Some(known) => known,
            None => Arc::new(AllowedHosts::parse(allowed_hosts).map_err(terminal)?),
        };
        self.http_hosts.put(fingerprint, &hosts);
        self.http_hosts.remember(source, &hosts);
        Ok(hosts)
    }
}

#[async_trait]
impl Tools for ToolSet {
    fn check(&self, source: &ToolSource) -> Result<(), (String, String)> {
        match source {
            ToolSource::Function { name, parameters, .. } => check_function(name, parameters),
            ToolSource::Mcp { .. } => self.mcp.check(source),
            ToolSource::Openapi { .. } => openapi::check(source),
            ToolSource::Files { .. } | ToolSource::Shell {} | ToolSource::Agents { .. } => Ok(()),
            ToolSource::Code { languages } => check_languages(languages),
            ToolSource::Http { allowed_hosts } => http::check(allowed_hosts).map(drop),
        }
    }

    async fn resolve(
        &self,
        sources: &[ToolSource],
        context: &ToolContext,
    ) -> Result<Vec<ToolSpec>, ToolError> {
        let mut resolving = Vec::with_capacity(sources.len());
        for (position, source) in sources.iter().enumerate() {
            resolving.push(self.resolve_one(position, source, context).boxed());
        }
        let specs: Vec<Vec<ToolSpec>> =
            stream::iter(resolving).buffered(MAX_SOURCES_AT_ONCE).try_collect().await?;
        let specs: Vec<ToolSpec> = specs.into_iter().flatten().collect();
        check_together(sources, &specs)?;
        Ok(specs)
    }

    async fn call(&self, call: ToolCall) -> Result<ToolOutput, ToolError> {
        match call.source.as_ref() {
            ToolSource::Function { name, .. } => {
                Err(terminal(format!("the function {name:?} is for the client to run")))
            }
            ToolSource::Mcp { .. } => self.mcp.call(&call).await,
            ToolSource::Openapi { .. } => self.openapi.call(&call).await,
            ToolSource::Files { .. } if call.context.sandbox.is_some() => {
                self.machine()?.call(&call).await
            }
            ToolSource::Files { .. } => self.files.call(call).await,
            ToolSource::Shell {} | ToolSource::Code { .. } => self.machine()?.call(&call).await,
            ToolSource::Http { allowed_hosts } => {
                let hosts = self.hosts(&call.source, allowed_hosts)?;
                http::call(&self.egress, &hosts, &call).await
            }
            ToolSource::Agents { .. } => {
                Err(terminal("subagents are for the runtime to make".to_owned()))
            }
        }
    }

    async fn consented(&self, flow: &SecretText, back: &Return) -> Result<Grant, String> {
        self.mcp.consented(flow, back).await
    }

    async fn reconcile(&self, call: ToolCall) -> Result<Reconciliation, ToolError> {
        match call.source.as_ref() {
            ToolSource::Openapi { .. } => self.openapi.reconcile(&call).await,
            ToolSource::Shell {} | ToolSource::Code { .. } => {
                self.machine()?.reconcile(&call).await
            }
            ToolSource::Function { .. }
            | ToolSource::Mcp { .. }
            | ToolSource::Files { .. }
            | ToolSource::Http { .. }
            | ToolSource::Agents { .. } => Ok(Reconciliation::Unknown),
        }
    }

    fn check_arguments(&self, spec: &ToolSpec, arguments: &Value) -> Result<(), String> {
        self.schemas.check(&spec.parameters, arguments)
    }
}

/// The client runs it, and nobody here knows what it does.
fn function_spec(name: &str, description: &str, parameters: &Value, position: usize) -> ToolSpec {
    let draft = Draft {
        name: name.to_owned(),
        remote_name: name.to_owned(),
        description: description.to_owned(),
        parameters: parameters.clone(),
        safety: Safety::Once,
        approval: ApprovalMode::Never,
        reconcile: false,
    };
    draft.into_spec(position)
}

fn check_function(name: &str, parameters: &Value) -> Result<(), (String, String)> {
    if !is_tool_name(name) {
        let reason = format!("{name:?} is not 1 to {MAX_NAME_CHARS} letters, digits, '_' or '-'");
        return Err(("name".to_owned(), reason));
    }
    let at_fault = |reason: String| ("parameters".to_owned(), reason);
    let size_bytes = hash_json(parameters).size_bytes;
    if size_bytes > MAX_SCHEMA_BYTES {
        return Err(at_fault(format!(
            "the schema has {size_bytes} bytes, more than {MAX_SCHEMA_BYTES}"
        )));
    }
    compile(parameters).map(drop).map_err(at_fault)
}

fn check_languages(languages: &[CodeLanguage]) -> Result<(), (String, String)> {
    let mut seen = HashSet::new();
    match languages.iter().all(|language| seen.insert(*language)) {
        true if !languages.is_empty() => Ok(()),
        _ => Err(("languages".to_owned(), "name each language once, and one at least".to_owned())),
    }
}

/// The tools of all sources have names of their own and are not too many.
fn check_together(sources: &[ToolSource], specs: &[ToolSpec]) -> Result<(), ToolError> {
    if specs.len() > MAX_TOOLS {
        let count = specs.len();
        return Err(terminal(format!("the agent has {count} tools, more than {MAX_TOOLS}")));
    }
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for spec in specs {
        if let Some(earlier) = seen.insert(&spec.name, spec.source) {
            return Err(terminal(format!(
                "the tool {:?} is there twice, from {} and from {}",
                spec.name,
                describe(sources, earlier),
                describe(sources, spec.source),
            )));
        }
    }
    Ok(())
}

fn describe(sources: &[ToolSource], position: usize) -> String {
    match sources[position].label() {
        Some(label) => format!("{label:?} (tools[{position}])"),
        None => format!("a function (tools[{position}])"),
    }
}
