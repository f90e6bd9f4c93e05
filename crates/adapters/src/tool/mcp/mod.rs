//! placeholder
mod tools;
pub(crate) use tools::McpTools;
