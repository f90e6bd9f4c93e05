//! Sessions as clients read them.

use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay_core::agent::AgentDefinition;
use mainstay_core::fact::RequiredAction;
use mainstay_core::question::Question;
use mainstay_core::session::{ConfigRow, SessionRow, SessionStatus};
use mainstay_protocol::{SessionId, TurnId, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::item::arguments_value;
use super::place::FeedPlace;
use super::seconds;
use crate::openai::agents::definition::show_session_agent;
use crate::openai::wire::{
    self, AgentSession, ApprovalAction, ApprovalKind, ApprovalRequest, ContainerSize, Environment,
    FunctionCallAction, HostedEnvironment, HostedFile, HostedMachine, HostedNetwork,
    HostedPackages, PromptCacheOptions, Review, SelfHostedEnvironment, SessionAgent, SpendControl,
};

/// Millionths of a US dollar in a US cent.
pub(crate) const MICROUSD_PER_CENT: u64 = 10_000;

/// What a session has for this API alone, kept in the `wire` member of its settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SessionExtras {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prompt_cache_options: Option<PromptCacheOptions>,
    pub(crate) review: Review,
    /// The vaults that it may use; the one member that the runtime reads, when a tool is called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) vault_ids: Vec<String>,
    /// What is shown of its environment, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) environment: Option<HostedView>,
    /// What is shown of it when it is a machine of the client's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) self_hosted: Option<SelfHostedView>,
}

/// What is shown of a client's own machine besides its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SelfHostedView {
    pub(crate) workspace_directory: String,
    /// What its executor is started with: the address under which the session was made.
    pub(crate) remote_url: String,
}

/// What is shown of an environment besides its id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HostedView {
    pub(crate) container_size: Option<ContainerSize>,
    pub(crate) files: Vec<HostedFile>,
    pub(crate) network: HostedNetwork,
    pub(crate) packages: HostedPackages,
    pub(crate) machine: HostedMachine,
}

/// What the id of a session's environment begins with.
const ENVIRONMENT_PREFIX: &str = "env_";

/// The id of a session's environment.
pub(crate) fn environment_id(session: &SessionId) -> String {
    format!("{ENVIRONMENT_PREFIX}{session}")
}

/// The session whose environment has this id.
pub(crate) fn environment_session(id: &str) -> Option<SessionId> {
    SessionId::parse(id.strip_prefix(ENVIRONMENT_PREFIX)?).ok()
}

impl SessionExtras {
    /// The extras in a session's settings.
    pub(crate) fn of(wire: &Value) -> Self {
        serde_json::from_value(wire.clone()).unwrap_or_default()
    }

    /// The extras as a session's settings keep them.
    pub(crate) fn into_wire(self) -> Value {
        serde_json::to_value(self).expect("plain members serialise")
    }
}

/// What is the same in every event that shows a session, until its settings change.
#[derive(Debug, Clone)]
pub(crate) struct SessionView {
    pub(super) id: SessionId,
    pub(super) agent: Arc<SessionAgent>,
    pub(super) created_at_ms: u64,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) extras: SessionExtras,
    pub(super) spend_limit_microusd: Option<u64>,
    pub(super) usage: Usage,
    pub(super) is_subagent: bool,
}

impl SessionView {
    /// The view of a session's rows.
    pub(crate) fn of(row: &SessionRow, config: &ConfigRow) -> Self {
        Self {
            id: row.id.clone(),
            agent: Arc::new(show_session_agent(&config.agent)),
            created_at_ms: row.created_at_ms,
            metadata: row.metadata.clone(),
            extras: SessionExtras::of(&config.wire),
            spend_limit_microusd: config.spend_limit_microusd,
            usage: row.usage,
            is_subagent: row.parent.is_some(),
        }
    }

    /// What the session's agent is called among agents.
    pub(super) fn among_agents(&self) -> &str {
        if self.is_subagent { self.id.as_str() } else { &self.agent.id }
    }

    pub(super) fn set_agent(&mut self, definition: &AgentDefinition) {
        self.agent = Arc::new(show_session_agent(definition));
    }

    fn environment(&self) -> Environment {
        if let Some(view) = self.extras.self_hosted.clone() {
            return Environment::SelfHosted(SelfHostedEnvironment {
                id: environment_id(&self.id),
                capability_directories: Vec::new(),
                remote_url: view.remote_url,
                workspace_directory: view.workspace_directory,
            });
        }
        let Some(view) = self.extras.environment.clone() else { return Environment::None {} };
        Environment::Hosted(Box::new(HostedEnvironment {
            id: environment_id(&self.id),
            capability_directories: Vec::new(),
            container_size: view.container_size,
            desktop: None,
            files: view.files,
            network: view.network,
            packages: view.packages,
            plugins: Vec::new(),
            skills: Vec::new(),
            machine: view.machine,
        }))
    }

    /// The session with this status.
    pub(super) fn show(&self, status: SessionStatus, at_ms: u64) -> AgentSession {
        let spent = self.usage.cost_microusd;
        AgentSession {
            id: self.id.to_string(),
            agent: self.agent.clone(),
            status: show_status(status),
            required_actions: Vec::new(),
            error: None,
            environment: self.environment(),
            created_at: seconds(self.created_at_ms),
            last_active_at: seconds(at_ms),
            metadata: self.metadata.clone(),
            usage: (self.usage.total_tokens() > 0).then(|| self.usage.into()),
            spend_control: Some(SpendControl {
                consumed: spent.map(|microusd| microusd / MICROUSD_PER_CENT),
                limit: self.spend_limit_microusd.map(|microusd| microusd / MICROUSD_PER_CENT),
            }),
            prompt_cache_options: self.extras.prompt_cache_options,
            review: Some(self.extras.review),
            vault_ids: self.extras.vault_ids.clone(),
            sequence_number: None,
        }
    }

    /// The session as its row has it now; `head_seq` is its last entry.
    pub(crate) fn show_row(&self, row: &SessionRow, head_seq: Option<u64>) -> AgentSession {
        AgentSession {
            required_actions: required_actions(&row.required, row.turn.as_ref()),
            error: row.error.as_ref().map(|(_, message)| message.clone()),
            sequence_number: head_seq.map(|seq| FeedPlace::behind_entry(seq).sequence_number()),
            ..self.show(row.status, row.last_active_at_ms)
        }
    }
}

fn show_status(status: SessionStatus) -> wire::SessionStatus {
    match status {
        SessionStatus::Idle => wire::SessionStatus::Idle,
        SessionStatus::InProgress => wire::SessionStatus::InProgress,
        SessionStatus::RequiresAction => wire::SessionStatus::RequiresAction,
        SessionStatus::BudgetReached => wire::SessionStatus::BudgetReached,
        SessionStatus::Failed => wire::SessionStatus::Failed,
    }
}

/// What a turn waits for.
pub(super) fn required_actions(
    required: &[RequiredAction],
    turn: Option<&TurnId>,
) -> Vec<wire::RequiredAction> {
    let turn_id = turn.map(ToString::to_string).unwrap_or_default();
    required.iter().map(|action| required_action(action, &turn_id)).collect()
}

fn required_action(action: &RequiredAction, turn_id: &str) -> wire::RequiredAction {
    match action {
        RequiredAction::ToolResult { call_id, name, arguments } => {
            wire::RequiredAction::FunctionCall(FunctionCallAction {
                turn_id: turn_id.to_owned(),
                call_id: call_id.to_string(),
                name: name.clone(),
                arguments: arguments_value(arguments),
            })
        }
        RequiredAction::Approval {
            approval,
            unknown_outcome,
            source,
            name,
            arguments,
            arguments_sha256,
            expires_at_ms,
            effect: _,
            call_id: _,
        } => wire::RequiredAction::McpApprovalRequest(ApprovalAction {
            request_id: approval.to_string(),
            turn_id: turn_id.to_owned(),
            request: ApprovalRequest {
                server_label: source.clone(),
                name: Some(name.clone()),
                arguments: arguments_value(arguments),
                message: question(name, *unknown_outcome),
                kind: if *unknown_outcome {
                    ApprovalKind::UnknownOutcome
                } else {
                    ApprovalKind::Approval
                },
                arguments_sha256: Some(arguments_sha256.clone()),
                expires_at: Some(seconds(*expires_at_ms)),
                url: None,
                requested_schema: None,
            },
        }),
        RequiredAction::Question {
            approval,
            name,
            arguments,
            question,
            expires_at_ms,
            effect: _,
            call_id: _,
        } => wire::RequiredAction::McpApprovalRequest(ApprovalAction {
            request_id: approval.to_string(),
            turn_id: turn_id.to_owned(),
            request: ApprovalRequest {
                name: name.clone(),
                arguments: arguments.as_deref().map_or(Value::Null, arguments_value),
                expires_at: Some(seconds(*expires_at_ms)),
                ..server_question(question)
            },
        }),
    }
}

/// What a tool's server asks.
pub(crate) fn server_question(question: &Question) -> ApprovalRequest {
    let (kind, url, requested_schema) = match question {
        Question::Authorize { url, .. } => (ApprovalKind::Consent, Some(url.clone()), None),
        Question::Form { schema, .. } => (ApprovalKind::Form, None, Some(schema.clone())),
        Question::Visit { url, .. } => (ApprovalKind::Visit, Some(url.clone()), None),
    };
    ApprovalRequest {
        server_label: question.server().to_owned(),
        name: None,
        arguments: Value::Null,
        message: question.message(),
        kind,
        arguments_sha256: None,
        expires_at: None,
        url,
        requested_schema,
    }
}

fn question(name: &str, unknown_outcome: bool) -> String {
    if unknown_outcome {
        return format!("It is not known whether {name} was carried out. Was it?");
    }
    format!("May {name} be called with these arguments?")
}
