//! An agent with tools of every kind.

use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay_core::agent::{AgentDefinition, TurnLimits};
use mainstay_core::port::{ModelOptions, NetworkRule, SandboxSpec};
use mainstay_core::sandbox::SessionSandbox;
use mainstay_core::subagent::Parent;
use mainstay_core::tool::{ApprovalMode, McpTransport, Safety, ToolSource, ToolSpec, UnknownRule};
use mainstay_protocol::{AgentId, EffectId, SessionId, TurnId};
use serde_json::{Value, json};

/// The source at position 0: a function of the client; at position 1: a server.
pub(crate) fn agent() -> AgentDefinition {
    AgentDefinition {
        id: AgentId::parse("agent_a").expect("a plain id"),
        revision: 1,
        name: None,
        instructions: Some("Be brief.".to_owned()),
        model: "alpha".to_owned(),
        fallback_models: vec!["beta".to_owned()],
        tools: vec![client_source("lookup"), server_source("srv")],
        reasoning_effort: None,
        verbosity: None,
        response_schema: None,
        options: ModelOptions::default(),
        compact_at_tokens: None,
        unknown_outcome: UnknownRule::Ask,
        limits: TurnLimits::default(),
        wire: Value::Null,
    }
}

/// An agent whose tools are functions of the client alone.
pub(crate) fn client_only() -> (AgentDefinition, Arc<[ToolSpec]>) {
    let agent = AgentDefinition { tools: vec![client_source("lookup")], ..agent() };
    (agent, Arc::from([spec("lookup", 0, Safety::Once)]))
}

/// An agent whose tools come from another server, at position 0.
pub(crate) fn remote_only() -> AgentDefinition {
    AgentDefinition { revision: 2, tools: vec![server_source("other")], ..agent() }
}

/// The agent's tools: of each safety, of the client, asked about, denied, with a reconcile call.
pub(crate) fn tools() -> Arc<[ToolSpec]> {
    Arc::from([
        spec("lookup", 0, Safety::Once),
        spec("read", 1, Safety::ReadOnly),
        spec("put", 1, Safety::Idempotent),
        spec("pay", 1, Safety::Once),
        ToolSpec { reconcile: true, ..spec("send", 1, Safety::Once) },
        spec("ask_pay", 1, Safety::Once),
        spec("ask_read", 1, Safety::ReadOnly),
        spec("ask_lookup", 0, Safety::Once),
        spec("deny_pay", 1, Safety::Once),
        ToolSpec {
            parameters: json!({"type": "object", "required": ["path"]}),
            ..spec("strict", 1, Safety::ReadOnly)
        },
    ])
}

/// The agent with tools that use the session's machine.
pub(crate) fn with_machine(agent: AgentDefinition) -> (AgentDefinition, Arc<[ToolSpec]>) {
    let first = agent.tools.len();
    let mut agent = agent;
    agent.tools.extend([ToolSource::Shell {}, ToolSource::Files { read_only: false }]);
    let own = [
        ToolSpec { reconcile: true, ..spec("run", first, Safety::Once) },
        spec("ask_run", first, Safety::Once),
        spec("read_file", first + 1, Safety::ReadOnly),
        spec("write_file", first + 1, Safety::Idempotent),
    ];
    let is_known = |spec: &&ToolSpec| spec.source < first;
    let others: Vec<_> = tools().iter().filter(is_known).cloned().collect();
    (agent, others.into_iter().chain(own).collect())
}

/// The session that makes a subagent.
pub(crate) fn parent() -> Parent {
    let session = |text: &str| SessionId::parse(text).expect("a plain id");
    Parent {
        session: session("ses_parent"),
        effect: EffectId::parse("eff_parent").expect("a plain id"),
        turn: TurnId::parse("turn_parent").expect("a plain id"),
        root: session("ses_parent"),
        depth: 1,
        agent: "agent_a".to_owned(),
        name: None,
        task: "go".to_owned(),
    }
}

/// A small machine.
pub(crate) fn sandbox() -> SessionSandbox {
    SessionSandbox {
        spec: SandboxSpec {
            tier: None,
            image: "base".to_owned(),
            cpus: 1,
            memory_mib: 512,
            disk_mib: 1_024,
            processes: 64,
            network: NetworkRule::None,
            executor: None,
        },
        setup: None,
        origin: SessionId::parse("ses_1").expect("a plain id"),
    }
}

fn spec(name: &str, source: usize, safety: Safety) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: format!("The tool {name}."),
        parameters: json!({"type": "object"}),
        source,
        strict: false,
        remote_name: name.to_owned(),
        safety,
        approval: ApprovalMode::Never,
        reconcile: false,
        timeout_ms: 60_000,
        max_attempts: 3,
        concurrency_limit: 8,
    }
}

fn client_source(name: &str) -> ToolSource {
    ToolSource::Function {
        name: name.to_owned(),
        description: format!("The function {name}."),
        parameters: json!({"type": "object"}),
        strict: false,
    }
}

fn server_source(label: &str) -> ToolSource {
    ToolSource::Mcp {
        label: label.to_owned(),
        transport: McpTransport::Stdio { server: label.to_owned() },
        allowed_tools: None,
        safety: BTreeMap::new(),
        approval: ApprovalMode::Never,
        required: true,
    }
}
