//! The client command of the MCP conformance suite: lists the tools of the server that it is given and
//! calls them, through the same tool set that agents have.
//!
//! Deliberately absent: a protocol version to choose, because the client agrees on one with the server.

#![expect(clippy::print_stdout, reason = "the suite keeps what its clients print")]
#![expect(clippy::disallowed_methods, reason = "the suite speaks to its clients by environment")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use mainstay_adapters::tool::{ToolSet, ToolSettings};
use mainstay_core::port::{Clock, Credentials, LiveSink, ToolCall, ToolContext, Tools};
use mainstay_core::tool::{ApprovalMode, McpTransport, ToolSource, ToolSpec};
use mainstay_protocol::{CallId, EffectId, SessionId, TenantId};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

/// What the suite wants called, in scenarios where it matters.
const CONTEXT: &str = "MCP_CONFORMANCE_CONTEXT";

#[derive(Default, Deserialize)]
struct Context {
    #[serde(default, rename = "toolCalls")]
    tool_calls: Vec<Asked>,
}

#[derive(Deserialize)]
struct Asked {
    name: String,
    arguments: Value,
}

/// Nothing here waits for a time of day.
struct NoClock;

#[async_trait]
impl Clock for NoClock {
    fn now_ms(&self) -> u64 {
        0
    }

    async fn sleep_until(&self, _at_ms: u64) {
        std::future::pending::<()>().await;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().next_back().ok_or("the server's URL is missing")?;
    let parsed: Url = url.parse()?;
    let host = format!("{}:*", parsed.host_str().ok_or("the URL names no host")?);
    let tools = ToolSet::new(
        ToolSettings {
            workspaces: PathBuf::new(),
            workspace_template: None,
            mcp_servers: BTreeMap::new(),
            private_hosts_allowed: vec![host.parse()?],
            sandboxes: None,
        },
        Arc::new(NoClock),
    )?;
    let source = Arc::new(ToolSource::Mcp {
        label: "suite".to_owned(),
        transport: McpTransport::Http { url, headers: BTreeMap::new() },
        allowed_tools: None,
        safety: BTreeMap::new(),
        approval: ApprovalMode::Never,
        required: true,
    });
    let context = context()?;
    let specs = tools.resolve(std::slice::from_ref(&source), &context).await?;
    for (number, asked) in calls(&specs)?.into_iter().enumerate() {
        let Some(spec) = specs.iter().find(|spec| spec.remote_name == asked.name) else {
            println!("{}: the server does not offer it", asked.name);
            continue;
        };
        let call = ToolCall {
            effect: EffectId::parse(&format!("eff_{number}"))?,
            call_id: CallId::parse(&format!("call_{number}"))?,
            attempt: 1,
            spec: Arc::new(spec.clone()),
            source: Arc::clone(&source),
            arguments: Arc::new(asked.arguments),
            context: context.clone(),
            live: LiveSink::default(),
        };
        println!("{}: {:?}", asked.name, tools.call(call).await);
    }
    Ok(())
}

fn context() -> Result<ToolContext, Box<dyn std::error::Error>> {
    Ok(ToolContext {
        tenant: TenantId::parse("suite")?,
        session: SessionId::parse("suite")?,
        principal: "suite".into(),
        credentials: Credentials::default(),
        sandbox: None,
    })
}

/// The calls that the scenario names; without any, each tool once.
fn calls(specs: &[ToolSpec]) -> Result<Vec<Asked>, Box<dyn std::error::Error>> {
    let given: Context = match std::env::var(CONTEXT) {
        Ok(text) => serde_json::from_str(&text)?,
        Err(_) => Context::default(),
    };
    if !given.tool_calls.is_empty() {
        return Ok(given.tool_calls);
    }
    let each = |spec: &ToolSpec| Asked {
        name: spec.remote_name.clone(),
        arguments: sample(&spec.parameters),
    };
    Ok(specs.iter().map(each).collect())
}

/// Arguments that a simple schema takes.
fn sample(schema: &Value) -> Value {
    let none = Map::new();
    let members = schema["properties"].as_object().unwrap_or(&none);
    let value = |member: &Value| match member["type"].as_str() {
        Some("number" | "integer") => json!(5),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => json!("text"),
    };
    members.iter().map(|(name, member)| (name.clone(), value(member))).collect::<Map<_, _>>().into()
}
