//! Tools against real folders, real servers and real programs.

mod files;
mod files_limits;
mod http;
mod machine;
mod machine_fake;
mod mcp;
mod mcp_fixture;
mod mcp_lifetime;
mod mcp_support;
mod openapi;
mod openapi_failures;
mod resolve;
mod server;
mod support;
