//! A session at rest as bytes, to go on from without reading its whole journal.
//!
//! Invariant: what is decoded equals what was encoded. A snapshot is a cache: one of another
//! version, or one that does not parse, is none, and the journal is read instead. Deliberately
//! absent: sessions with an active turn; what is open stands in the few entries since the last rest.

use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay_protocol::{
    CallId, ErrorCode, Hash, JournalId, Seq, SessionId, TenantId, TurnId, Usage,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::config::{SessionConfig, SharedSources};
use super::state::{LastResponse, QueuedTurn, SessionState, SessionStatus};
use super::transcript::Transcript;
use super::workspace::WorkspaceState;
use crate::agent::AgentDefinition;
use crate::fact::TurnEnd;
use crate::item::Item;
use crate::sandbox::SessionSandbox;
use crate::subagent::Parent;
use crate::tool::ToolSpec;

/// The version that this binary writes, and the only one it reads.
pub const VERSION: u32 = 4;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    journal: JournalId,
    seq: Seq,
    hash: Hash,
    config: SavedConfig,
    status: SessionStatus,
    is_deleted: bool,
    failure: Option<(ErrorCode, String)>,
    last_active_at_ms: u64,
    usage: Usage,
    transcript: Vec<Arc<Item>>,
    tools: Option<(Arc<[ToolSpec]>, u64)>,
    queue: Vec<SavedTurn>,
    answered: Vec<CallId>,
    response: Option<LastResponse>,
    workspace: WorkspaceState,
    subagents: BTreeMap<SessionId, Usage>,
    closed_at_ms: Option<u64>,
    last_end: Option<TurnEnd>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedConfig {
    id: SessionId,
    tenant: TenantId,
    agent: Arc<AgentDefinition>,
    metadata: BTreeMap<String, String>,
    spend_limit_microusd: Option<u64>,
    sandbox: Option<Arc<SessionSandbox>>,
    wire: Value,
    created_at_ms: u64,
    parent: Option<Arc<Parent>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedTurn {
    id: TurnId,
    principal: Arc<str>,
    seq: Seq,
    created_at_ms: u64,
    items: Vec<Arc<Item>>,
}

/// The state as bytes; none when the session does not rest, has an effect open, or does not exist.
#[must_use]
pub fn encode(state: &SessionState) -> Option<Vec<u8>> {
    let config =
        state.config.as_ref().filter(|_| state.is_resting() && state.effects.is_empty())?;
    let saved = Saved {
        journal: state.journal.clone(),
        seq: state.seq,
        hash: state.hash,
        config: SavedConfig::from(config.as_ref()),
        status: state.status,
        is_deleted: state.is_deleted,
        failure: state.failure.clone(),
        last_active_at_ms: state.last_active_at_ms,
        usage: state.usage,
        transcript: state.transcript.items(),
        tools: state.tools.clone(),
        queue: state.queue.iter().cloned().map(SavedTurn::from).collect(),
        answered: state.answered.iter().cloned().collect(),
        response: state.response.clone(),
        workspace: state.workspace.clone(),
        subagents: state.subagents.clone(),
        closed_at_ms: state.closed_at_ms,
        last_end: state.last_end.clone(),
    };
    Some(serde_json::to_vec(&saved).expect("states have string keys"))
}

/// The state that the bytes hold; none when they are of another version or damaged.
#[must_use]
pub fn decode(version: u32, bytes: &[u8]) -> Option<SessionState> {
    if version != VERSION {
        return None;
    }
    let saved: Saved = serde_json::from_slice(bytes).ok()?;
    let mut transcript = Transcript::default();
    for item in saved.transcript {
        transcript.push(item);
    }
    Some(SessionState {
        seq: saved.seq,
        hash: saved.hash,
        config: Some(Arc::new(saved.config.into())),
        status: saved.status,
        is_deleted: saved.is_deleted,
        failure: saved.failure,
        last_active_at_ms: saved.last_active_at_ms,
        usage: saved.usage,
        transcript,
        tools: saved.tools,
        queue: saved.queue.into_iter().map(QueuedTurn::from).collect(),
        answered: saved.answered.into(),
        response: saved.response,
        workspace: saved.workspace,
        subagents: saved.subagents,
        closed_at_ms: saved.closed_at_ms,
        last_end: saved.last_end,
        ..SessionState::new(saved.journal)
    })
}

impl From<&SessionConfig> for SavedConfig {
    fn from(config: &SessionConfig) -> Self {
        let SessionConfig {
            id,
            tenant,
            agent,
            metadata,
            spend_limit_microusd,
            sandbox,
            wire,
            created_at_ms,
            parent,
            sources: _,
        } = config.clone();
        Self {
            id,
            tenant,
            agent,
            metadata,
            spend_limit_microusd,
            sandbox,
            wire,
            created_at_ms,
            parent,
        }
    }
}

impl From<SavedConfig> for SessionConfig {
    fn from(saved: SavedConfig) -> Self {
        let SavedConfig {
            id,
            tenant,
            agent,
            metadata,
            spend_limit_microusd,
            sandbox,
            wire,
            created_at_ms,
            parent,
        } = saved;
        let sources = SharedSources::default();
        Self {
            id,
            tenant,
            agent,
            metadata,
            spend_limit_microusd,
            sandbox,
            wire,
            created_at_ms,
            parent,
            sources,
        }
    }
}

impl From<QueuedTurn> for SavedTurn {
    fn from(turn: QueuedTurn) -> Self {
        let QueuedTurn { id, principal, seq, created_at_ms, items } = turn;
        Self { id, principal, seq, created_at_ms, items }
    }
}

impl From<SavedTurn> for QueuedTurn {
    fn from(saved: SavedTurn) -> Self {
        let SavedTurn { id, principal, seq, created_at_ms, items } = saved;
        Self { id, principal, seq, created_at_ms, items }
    }
}
