//! One of each object, with every member filled and with every member empty.

use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay_protocol::{ErrorCode, Usage};
use serde_json::json;

use crate::openai::wire::*;

/// The agent of the samples, made from a request so that its tools are resolved as the door does.
pub(super) fn agent() -> Agent {
    let asked: AgentCreateParams = parse_value(json!({
        "model": "small",
        "tools": [
            {"type": "function", "name": "lookup", "description": "Looks up", "parameters": {"type": "object"}},
            {"type": "tool_search"},
            {"type": "programmatic_tool_calling"},
            {"type": "mcp", "server_label": "crm", "transport": {
                "type": "http", "server_url": "https://crm.example/mcp",
                "authorization": "Bearer secret", "headers": {"x-team": "a"}}},
            {"type": "mcp", "server_label": "local", "safety": {"send": "once"}, "transport": {
                "type": "stdio", "command": "server", "cwd": "/srv", "env": {"KEY": "secret"}}},
            {"type": "web_search", "location": {"city": "Bern"}},
            {"type": "computer_use"},
            {"type": "automations"},
        ],
    }))
    .expect("the sample is a valid request");
    Agent {
        id: "agent_1".to_owned(),
        created_at: 1_700_000_000,
        updated_at: 1_700_000_001,
        name: Some("clerk".to_owned()),
        instructions: Some("Be brief.".to_owned()),
        model: asked.model,
        metadata: pairs(),
        multi_agent: MultiAgent { enabled: true, max_concurrent_subagents: Some(6) },
        reasoning: Reasoning {
            effort: Some(ReasoningEffort::Xhigh),
            summary: Some(ReasoningSummary::Concise),
        },
        service_tier: ServiceTier::Priority,
        text: TextParams {
            format: Some(TextFormat::JsonSchema(JsonSchemaFormat {
                schema: serde_json::Map::from_iter([("type".to_owned(), json!("object"))]),
            })),
            verbosity: None,
        }
        .resolve(),
        tools: asked.tools.unwrap_or_default().into_iter().map(ToolParams::resolve).collect(),
        compaction: Some(CompactionParams { in_background: Some(true) }.resolve()),
        experimental: Some(Experimental { time_awareness: true }),
        mainstay: None,
    }
}

/// The same agent without anything that may be left out.
pub(super) fn bare_agent() -> Agent {
    Agent {
        name: None,
        instructions: None,
        metadata: BTreeMap::new(),
        multi_agent: MultiAgent::default(),
        reasoning: Reasoning::default(),
        service_tier: ServiceTier::default(),
        text: Text::default(),
        tools: Vec::new(),
        compaction: None,
        experimental: None,
        ..agent()
    }
}

/// An agent with everything that only this runtime has.
pub(super) fn extended_agent() -> Agent {
    let asked: AgentCreateParams = parse_value(json!({
        "model": "small",
        "tools": [
            {"type": "openapi", "label": "shop", "spec": {"openapi": "3.1.0"},
             "safety": {"refund": "once"}, "headers": {"x-key": "secret"}},
            {"type": "files", "access": "read_only"},
            {"type": "http", "allowed_hosts": ["example.com"]},
        ],
        "mainstay": {"fallback_models": ["large"], "unknown_outcome": "report", "limits": {"steps": 10}},
    }))
    .expect("the sample is a valid request");
    Agent {
        tools: asked.tools.unwrap_or_default().into_iter().map(ToolParams::resolve).collect(),
        mainstay: asked.mainstay,
        ..bare_agent()
    }
}

fn pairs() -> BTreeMap<String, String> {
    BTreeMap::from([("team".to_owned(), "blue".to_owned())])
}

fn session_agent(agent: Agent) -> Arc<SessionAgent> {
    Arc::new(SessionAgent {
        id: agent.id,
        name: agent.name,
        instructions: agent.instructions,
        model: agent.model,
        multi_agent: agent.multi_agent,
        reasoning: agent.reasoning,
        service_tier: agent.service_tier,
        text: agent.text,
        tools: agent.tools.into_iter().filter_map(Tool::for_session).collect(),
        compaction: agent.compaction,
        experimental: agent.experimental,
        mainstay: agent.mainstay,
    })
}

/// A session that waits for everything a session can wait for.
pub(super) fn session() -> AgentSession {
    let question = ApprovalRequest {
        server_label: "crm".to_owned(),
        name: Some("send".to_owned()),
        arguments: json!({"to": "a@example.com"}),
        message: "Send the letter?".to_owned(),
        kind: ApprovalKind::Approval,
        arguments_sha256: None,
        expires_at: None,
        url: None,
        requested_schema: None,
    };
    let approval = |request| {
        RequiredAction::McpApprovalRequest(ApprovalAction {
            request_id: "appr_1".to_owned(),
            turn_id: "turn_1".to_owned(),
            request,
        })
    };
    AgentSession {
        agent: session_agent(agent()),
        status: SessionStatus::RequiresAction,
        required_actions: vec![
            RequiredAction::FunctionCall(FunctionCallAction {
                turn_id: "turn_1".to_owned(),
                call_id: "call_1".to_owned(),
                name: "lookup".to_owned(),
                arguments: json!({"key": 1}),
            }),
            approval(question.clone()),
            approval(ApprovalRequest {
                kind: ApprovalKind::UnknownOutcome,
                arguments_sha256: Some("00".repeat(32)),
                expires_at: Some(1_700_000_100),
                ..question
            }),
            RequiredAction::EnvironmentConnection { environment_id: "env_1".to_owned() },
        ],
        environment: Environment::SelfHosted(SelfHostedEnvironment {
            id: "env_1".to_owned(),
            capability_directories: Vec::new(),
            remote_url: "http://127.0.0.1:1/e".to_owned(),
            workspace_directory: "/workspace".to_owned(),
        }),
        error: Some("stopped".to_owned()),
        metadata: pairs(),
        usage: Some(usage()),
        spend_control: Some(SpendControl { consumed: Some(3), limit: Some(500) }),
        prompt_cache_options: Some(PromptCacheOptions { ttl: CacheTtl::HalfDay }),
        review: Some(Review::AutoReview),
        vault_ids: vec!["vault_1".to_owned()],
        sequence_number: Some(42),
        ..bare_session()
    }
}

/// A session without anything that may be left out.
pub(super) fn bare_session() -> AgentSession {
    AgentSession {
        id: "ses_1".to_owned(),
        agent: session_agent(bare_agent()),
        status: SessionStatus::Idle,
        required_actions: Vec::new(),
        error: None,
        environment: Environment::None {},
        created_at: 1_700_000_000,
        last_active_at: 1_700_000_005,
        metadata: BTreeMap::new(),
        usage: None,
        spend_control: None,
        prompt_cache_options: None,
        review: None,
        vault_ids: Vec::new(),
        sequence_number: None,
    }
}

/// A session with compute of this server.
pub(super) fn hosted_session() -> AgentSession {
    let size_bytes = 5;
    let named = |name: &str| (name.to_owned(), "does it".to_owned());
    let (name, description) = named("pdf");
    AgentSession {
        environment: Environment::Hosted(Box::new(HostedEnvironment {
            id: "env_1".to_owned(),
            machine: HostedMachine {
                cpus: Some(1),
                memory: Some(1_024),
                ..HostedMachine::default()
            },
            capability_directories: vec!["/cap".to_owned()],
            container_size: Some(ContainerSize::Small),
            desktop: Some(Desktop { enabled: false }),
            files: vec![
                HostedFile::FileId {
                    id: "ef_1".to_owned(),
                    file_id: "file_1".to_owned(),
                    path: "/workspace/a".to_owned(),
                    size_bytes,
                },
                HostedFile::Inline {
                    id: "ef_2".to_owned(),
                    path: "/workspace/b".to_owned(),
                    size_bytes,
                },
            ],
            network: HostedNetwork { access: NetworkAccess::Disabled, allowed_domains: Vec::new() },
            packages: HostedPackages::default(),
            plugins: vec![HostedPlugin { name: name.clone(), description: description.clone() }],
            skills: vec![
                HostedSkill::SkillReference {
                    skill_id: "skill_1".to_owned(),
                    version: "2".to_owned(),
                    name: name.clone(),
                    description: description.clone(),
                },
                HostedSkill::Inline { name, description },
            ],
        })),
        ..bare_session()
    }
}

fn usage() -> TokenUsage {
    Usage {
        input_tokens: 100,
        cached_input_tokens: 40,
        output_tokens: 20,
        reasoning_tokens: 5,
        cost_microusd: Some(1_234),
    }
    .into()
}

/// A turn of each status.
pub(super) fn turns() -> Vec<Turn> {
    let queued = Turn {
        id: "turn_1".to_owned(),
        session_id: "ses_1".to_owned(),
        agent_id: "agent_1".to_owned(),
        subagent_id: None,
        status: TurnStatus::Queued,
        created_at: 1_700_000_000,
        started_at: None,
        completed_at: None,
        error: None,
        usage: None,
        prompt_cache_options: None,
    };
    let running = Turn {
        status: TurnStatus::InProgress,
        started_at: Some(1_700_000_001),
        prompt_cache_options: Some(PromptCacheOptions::default()),
        ..queued.clone()
    };
    let ended = |status| Turn {
        status,
        completed_at: Some(1_700_000_002),
        usage: Some(usage()),
        ..running.clone()
    };
    vec![
        queued.clone(),
        Turn {
            status: TurnStatus::Waiting,
            subagent_id: Some("sub_1".to_owned()),
            ..running.clone()
        },
        Turn {
            error: Some(TurnError::new(ErrorCode::ModelUnavailable, "the model does not answer")),
            ..ended(TurnStatus::Failed)
        },
        ended(TurnStatus::Cancelled),
        ended(TurnStatus::Completed),
        running,
    ]
}

/// A subagent of each status.
pub(super) fn subagents() -> Vec<Subagent> {
    let active = Subagent {
        id: "sub_1".to_owned(),
        session_id: "ses_1".to_owned(),
        parent_agent_id: "agent_1".to_owned(),
        name: None,
        instructions: None,
        status: SubagentStatus::Active,
        opened_at: 1_700_000_000,
        closed_at: None,
    };
    let closed = Subagent {
        name: Some("ada".to_owned()),
        instructions: Some(agent_content()),
        status: SubagentStatus::Closed,
        closed_at: Some(1_700_000_001),
        ..active.clone()
    };
    vec![active, closed]
}

/// What agents send each other.
pub(super) fn agent_content() -> Vec<AgentContent> {
    vec![
        AgentContent::OutputText { text: "count them".to_owned() },
        AgentContent::EncryptedContent { encrypted_content: "gAAA".to_owned() },
    ]
}
