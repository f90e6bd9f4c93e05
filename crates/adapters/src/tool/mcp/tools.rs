//! placeholder
use std::collections::BTreeMap;
use std::sync::Arc;
use mainstay_core::port::{Clock, ToolCall, ToolError, ToolOutput};
use mainstay_core::tool::{ToolSource, ToolSpec};
use crate::tool::egress::Egress;
use crate::tool::output::terminal;
use crate::tool::settings::McpServerSettings;
pub(crate) struct McpTools;
impl McpTools {
    pub(crate) fn new(_s: BTreeMap<String, McpServerSettings>, _e: Arc<Egress>, _c: Arc<dyn Clock>) -> Self { Self }
    pub(crate) fn check(&self, _s: &ToolSource) -> Result<(), (String, String)> { Ok(()) }
    pub(crate) async fn resolve(&self, _s: &ToolSource, _p: usize) -> Result<Vec<ToolSpec>, ToolError> { Err(terminal("MCP is not there yet")) }
    pub(crate) async fn call(&self, _c: &ToolCall) -> Result<ToolOutput, ToolError> { Err(terminal("MCP is not there yet")) }
}
