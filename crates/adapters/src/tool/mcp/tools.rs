//! Resolves MCP sources and calls their tools.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mainstay_core::port::{Clock, ToolCall, ToolContext, ToolError, ToolOutput};
use mainstay_core::tool::{ToolSource, ToolSpec};
use rmcp::model::{CallToolRequestParams, CallToolResponse, RequestMetaObject};
use serde_json::Value;

use super::failure::{Failure, sort, timed_out};
use super::output::to_output;
use super::pool::{Bearer, Pool, name};
use super::source::{self, Parts, parts};
use super::spec::specs;
use crate::tool::egress::Egress;
use crate::tool::output::{bounded_error, terminal};
use crate::tool::settings::McpServerSettings;

/// The member of a call's `_meta` that names the effect, the same for every attempt.
const IDEMPOTENCY_KEY: &str = "mainstay/idempotency-key";

/// The MCP servers of all agents.
pub(crate) struct McpTools {
    pool: Pool,
}

impl McpTools {
    pub(crate) fn new(
        servers: BTreeMap<String, McpServerSettings>,
        egress: Arc<Egress>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { pool: Pool::new(servers, egress, clock) }
    }

    /// Checks a source without asking anybody; the error names the member at fault.
    pub(crate) fn check(&self, source: &ToolSource) -> Result<(), (String, String)> {
        source::check(source, self.pool.servers())
    }

    /// The tools that a source offers now; none when it cannot be reached and need not be.
    pub(crate) async fn resolve(
        &self,
        source: &ToolSource,
        context: &ToolContext,
        position: usize,
    ) -> Result<Vec<ToolSpec>, ToolError> {
        let parts = own_parts(source)?;
        match self.pool.get_fresh(bearer(context, position), parts.transport).await {
            Ok(connection) => Ok(specs(&connection.tools(), parts, position)),
            Err(error) if parts.required => Err(error),
            Err(error) => {
                tracing::warn!(label = parts.label, %error, "left out the tools of an MCP server");
                Ok(Vec::new())
            }
        }
    }

    /// Runs one attempt. Dropping it tells the server to stop.
    pub(crate) async fn call(&self, call: &ToolCall) -> Result<ToolOutput, ToolError> {
        let parts = own_parts(&call.source)?;
        let Value::Object(arguments) = call.arguments.as_ref() else {
            return Ok(ToolOutput::error("the arguments are not an object"));
        };
        let connection =
            self.pool.get(bearer(&call.context, call.spec.source), parts.transport).await?;
        let mut meta = RequestMetaObject::new();
        meta.insert(IDEMPOTENCY_KEY.to_owned(), Value::from(call.effect.as_str()));
        let mut params = CallToolRequestParams::new(call.spec.remote_name.clone());
        params.arguments = Some(arguments.clone());
        params.meta = Some(meta);
        let bound = Duration::from_millis(call.spec.timeout_ms);
        let answer = tokio::time::timeout(bound, connection.peer().call_tool_once(params)).await;
        let server = name(parts.transport);
        match answer {
            Err(_) => Err(timed_out(&server, call.spec.timeout_ms, call.spec.safety)),
            Ok(Ok(CallToolResponse::Complete(result))) => Ok(to_output(result)),
            Ok(Ok(_)) => {
                Ok(ToolOutput::error("the tool wants to ask the user, which is not supported"))
            }
            Ok(Err(error)) => match sort(error, &server, call.spec.safety) {
                Failure::Model(text) => Ok(bounded_error(text)),
                Failure::Attempt(error) => Err(error),
            },
        }
    }
}

fn bearer(context: &ToolContext, source: usize) -> Bearer<'_> {
    Bearer { tenant: &context.tenant, credential: context.credentials.of(source) }
}

fn own_parts(source: &ToolSource) -> Result<Parts<'_>, ToolError> {
    parts(source).ok_or_else(|| terminal("the tool's source is not an MCP server"))
}
