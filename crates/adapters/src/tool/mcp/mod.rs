//! MCP servers as sources of tools, over stdio and streamable HTTP.
//!
//! Invariant: a program runs only when the operator listed it, with an environment that the operator
//! wrote, and ends with everything it started when nobody holds its connection any more. A server
//! over HTTP is reached by the same rules as any other host.
//! Deliberately absent: prompts, resources, roots and sampling.

mod call;
mod connect;
mod connection;
mod consent;
mod elicit;
mod failure;
mod held;
mod http;
mod oauth;
mod output;
mod pool;
mod source;
mod spec;
mod sse;
mod stdio;
mod tools;

pub use oauth::{CALLBACK_PATH, CLIENT_METADATA_PATH, OauthClient, OauthGrant, OauthSettings};
pub(crate) use tools::McpTools;
