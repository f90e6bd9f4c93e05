//! Rows derived from sessions: what lists and lookups read without folding a journal.
//!
//! Invariant: a row is a pure function of the state and the facts just recorded; a step in the
//! middle of a turn writes none.

use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay_protocol::{
    AgentId, ErrorCode, ResponseId, Row, RowChange, RowKey, RowSpec, Seq, SessionId, TenantId,
    TurnId, Usage,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::removed_rows::{REMOVED_ITEMS, removed_rows};
use super::state::{LastResponse, SessionState, SessionStatus, TurnStatus};
use super::turn_rows::turn_rows;
use super::workspace::WorkspaceState;
use crate::agent::AgentDefinition;
use crate::effect::Outcome;
use crate::fact::{Disposition, Fact, RequiredAction};
use crate::sandbox::SessionSandbox;
use crate::subagent::subagent_row;

/// Sessions, by id, by tenant and age, and by agent and age.
pub const SESSIONS: RowSpec = RowSpec {
    name: "sessions",
    key: &["session"],
    indexes: &[&["tenant", "created"], &["tenant", "agent", "created"]],
};
/// What sessions were configured with.
pub const SESSION_CONFIGS: RowSpec =
    RowSpec { name: "session_configs", key: &["session"], indexes: &[] };
/// Turns of a session; their ids sort by age.
pub const TURNS: RowSpec = RowSpec { name: "turns", key: &["session", "turn"], indexes: &[] };

/// Responses, by id.
pub const RESPONSES: RowSpec = RowSpec { name: "responses", key: &["response"], indexes: &[] };

/// Every row spec of this module.
pub const ROW_SPECS: &[RowSpec] = &[SESSIONS, SESSION_CONFIGS, TURNS, RESPONSES, REMOVED_ITEMS];

/// A session as lists show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionRow {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The agent's id.
    pub agent: AgentId,
    /// Where it stands.
    pub status: SessionStatus,
    /// When it was created.
    pub created_at_ms: u64,
    /// When something last happened that changed this row.
    pub last_active_at_ms: u64,
    /// The client's own pairs.
    pub metadata: BTreeMap<String, String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<(ErrorCode, String)>,
    /// What all its turns cost.
    pub usage: Usage,
    /// What the client or a person must bring.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required: Vec<RequiredAction>,
    /// The active turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<TurnId>,
    /// What is known of its machine, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WorkspaceState>,
    /// The last entry that this row takes account of.
    #[serde(default)]
    pub seq: Seq,
    /// The session that made it, when it is a subagent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<SessionId>,
}

/// What a session was configured with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfigRow {
    /// The agent.
    pub agent: Arc<AgentDefinition>,
    /// Spend ceiling.
    pub spend_limit_microusd: Option<u64>,
    /// Its machine, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<Arc<SessionSandbox>>,
    /// The wire API's settings.
    pub wire: Value,
}

/// A turn as lists show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TurnRow {
    /// Its id.
    pub id: TurnId,
    /// Its session.
    pub session: SessionId,
    /// The agent that ran it.
    pub agent: AgentId,
    /// Where it stands.
    pub status: TurnStatus,
    /// When its input came.
    pub created_at_ms: u64,
    /// When it began.
    pub started_at_ms: Option<u64>,
    /// When it ended.
    pub completed_at_ms: Option<u64>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<(ErrorCode, String)>,
    /// What it cost.
    pub usage: Usage,
    /// Its first entry (the one that brought its input).
    pub first_seq: Seq,
    /// Its last entry, once it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seq: Option<Seq>,
    /// What its session had cost by then. Rows of older versions do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_usage: Option<Usage>,
}

/// Where a response is, and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResponseRow {
    /// Its id.
    pub id: ResponseId,
    /// Its session.
    pub session: SessionId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The response that it follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<ResponseId>,
    /// When it was requested.
    pub created_at_ms: u64,
    /// The entry that requested it.
    pub first_seq: Seq,
    /// Its last entry, once the session rested or waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seq: Option<Seq>,
}

/// A time as an index column: text order is time order.
#[must_use]
pub fn millis_column(at_ms: u64) -> String {
    format!("{at_ms:016}")
}

/// The rows that change with these facts.
#[must_use]
pub fn projected(before: &SessionState, after: &SessionState, facts: &[Fact]) -> Vec<RowChange> {
    let Some(config) = &after.config else { return Vec::new() };
    let id = config.id.as_str();
    if facts.is_empty() {
        return Vec::new();
    }
    if after.is_deleted {
        return deleted(id).into_iter().chain(subagent_row(after)).collect();
    }
    let mut rows = Vec::new();
    if facts.iter().any(changes_session) || !before.waiting().eq(after.waiting()) {
        rows.push(session_row(after));
        rows.extend(subagent_row(after));
    }
    if facts.iter().any(|fact| matches!(fact, Fact::SessionCreated(_) | Fact::SessionUpdated(_))) {
        let doc = ConfigRow {
            agent: config.agent.clone(),
            spend_limit_microusd: config.spend_limit_microusd,
            sandbox: config.sandbox.clone(),
            wire: config.wire.clone(),
        };
        rows.push(RowChange::Put(Row::new(RowKey::new(&SESSION_CONFIGS, &[id]), &[], &doc)));
    }
    rows.extend(turn_rows(before, after, facts));
    rows.extend(response_rows(before, after, facts));
    rows.extend(removed_rows(after, facts));
    rows
}

/// The rows of the response that these facts request, end or remove.
fn response_rows(before: &SessionState, after: &SessionState, facts: &[Fact]) -> Vec<RowChange> {
    let config = after.config();
    let (mut open, mut rows) = (before.response.clone().filter(|last| last.is_open), Vec::new());
    for (fact, seq) in facts.iter().zip(before.seq + 1..) {
        let last_seq = match fact {
            Fact::ResponseRequested(fact) => {
                open = Some(LastResponse {
                    id: fact.response.clone(),
                    previous: fact.previous.clone(),
                    first_seq: seq,
                    created_at_ms: after.last_active_at_ms,
                    is_open: true,
                });
                None
            }
            Fact::ResponseRemoved(fact) => {
                let key = RowKey::new(&RESPONSES, &[fact.response.as_str()]);
                rows.push(RowChange::Delete(key));
                continue;
            }
            Fact::TurnWaiting(_) | Fact::TurnEnded(_) | Fact::SessionFailed(_) => Some(seq),
            _ => continue,
        };
        let Some(response) = &open else { continue };
        let doc = ResponseRow {
            id: response.id.clone(),
            session: config.id.clone(),
            tenant: config.tenant.clone(),
            previous: response.previous.clone(),
            created_at_ms: response.created_at_ms,
            first_seq: response.first_seq,
            last_seq,
        };
        let row = Row::new(RowKey::new(&RESPONSES, &[response.id.as_str()]), &[], &doc);
        // An id that is taken is refused; its own row is written again.
        rows.push(if last_seq.is_none() { RowChange::Insert(row) } else { RowChange::Put(row) });
        open = open.filter(|_| last_seq.is_none());
    }
    rows
}

/// Rows of its turns stay: nothing leads to them any more.
fn deleted(id: &str) -> Vec<RowChange> {
    let delete = |spec| RowChange::Delete(RowKey::new(spec, &[id]));
    vec![delete(&SESSIONS), delete(&SESSION_CONFIGS)]
}

fn changes_session(fact: &Fact) -> bool {
    match fact {
        Fact::SessionCreated(_)
        | Fact::SessionUpdated(_)
        | Fact::SessionFailed(_)
        | Fact::SessionDeleted(_)
        | Fact::TurnStarted(_)
        | Fact::TurnWaiting(_)
        | Fact::TurnResumed(_)
        | Fact::TurnEnded(_) => true,
        Fact::InputReceived(input) => input.disposition == Disposition::Starts,
        Fact::SessionForked(_) | Fact::SessionImported(_) | Fact::ItemsAdded(_) => true,
        Fact::SessionClosed(_) | Fact::SessionReopened(_) | Fact::SubagentReported(_) => true,
        Fact::ResponseRequested(_) | Fact::ResponseRemoved(_) | Fact::ItemRemoved(_) => false,
        // What is not saved is counted in the row.
        Fact::SandboxOperated(_) => true,
        Fact::EffectCompleted(done) => matches!(done.outcome, Outcome::Checkpoint { .. }),
        Fact::EffectRequested(_)
        | Fact::EffectAttempted(_)
        | Fact::EffectFailed(_)
        | Fact::EffectParked(_)
        | Fact::EffectUnknown(_)
        | Fact::ApprovalResolved(_)
        | Fact::CallRefused(_) => false,
    }
}

fn session_row(state: &SessionState) -> RowChange {
    let config = state.config();
    let doc = SessionRow {
        id: config.id.clone(),
        tenant: config.tenant.clone(),
        agent: config.agent.id.clone(),
        status: state.status,
        created_at_ms: config.created_at_ms,
        last_active_at_ms: state.last_active_at_ms,
        metadata: config.metadata.clone(),
        error: state.failure.clone(),
        usage: state.usage,
        required: state.required_actions(),
        turn: state.turn.as_ref().map(|turn| turn.id.clone()),
        workspace: config.sandbox.as_ref().map(|_| state.workspace.clone()),
        seq: state.seq,
        parent: config.parent.as_ref().map(|parent| parent.session.clone()),
    };
    let created = millis_column(config.created_at_ms);
    let columns = [
        ("tenant", config.tenant.as_str()),
        ("agent", config.agent.id.as_str()),
        ("created", created.as_str()),
    ];
    RowChange::Put(Row::new(RowKey::new(&SESSIONS, &[config.id.as_str()]), &columns, &doc))
}
