//! Tools: client functions, MCP servers, OpenAPI documents, files and HTTP.
//!
//! Invariant: a tool reaches only the session's workspace folder, the hosts that its source lists,
//! and the programs that the operator listed; a private address needs the operator's word.
//! Deliberately absent: retries, approval and policy, which are the runtime's.

mod cache;
mod courier;
pub(crate) mod egress;
mod files;
mod http;
mod machine;
mod mcp;
mod names;
mod openapi;
mod output;
mod schema;
mod set;
pub(crate) mod settings;
mod spec;

pub use courier::EgressCourier;
pub use egress::{Lookup, SystemLookup};
pub use files::{remove_workspace, seed_workspace, workspace_dir};
pub use mcp::{CALLBACK_PATH, CLIENT_METADATA_PATH, OauthClient, OauthGrant, OauthSettings};
pub use set::ToolSet;
pub use settings::{HostPort, InvalidHostPort, McpServerSettings, ToolSettings};
