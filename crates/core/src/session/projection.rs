//! Rows derived from sessions: what lists and lookups read without folding a journal.
//!
//! Invariant: a row is a pure function of the state and the facts just recorded; a step in the
//! middle of a turn writes none.

use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay_protocol::{
    AgentId, ErrorCode, Row, RowChange, RowKey, RowSpec, Seq, SessionId, TenantId, TurnId, Usage,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::state::{SessionState, SessionStatus, TurnStatus};
use crate::agent::AgentDefinition;
use crate::fact::{Disposition, Fact, RequiredAction, TurnEnd};
use crate::item::item_seq;

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

/// Every row spec of this module.
pub const ROW_SPECS: &[RowSpec] = &[SESSIONS, SESSION_CONFIGS, TURNS];

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
    /// The last entry that this row takes account of.
    #[serde(default)]
    pub seq: Seq,
}

/// What a session was configured with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfigRow {
    /// The agent.
    pub agent: Arc<AgentDefinition>,
    /// Spend ceiling.
    pub spend_limit_microusd: Option<u64>,
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
}

/// A time as an index column: text order is time order.
#[must_use]
pub fn millis_column(at_ms: u64) -> String {
    format!("{at_ms:016}")
}

/// The rows that change with these facts.
pub(super) fn rows(before: &SessionState, after: &SessionState, facts: &[Fact]) -> Vec<RowChange> {
    let Some(config) = &after.config else { return Vec::new() };
    let id = config.id.as_str();
    if after.is_deleted {
        return deleted(after, id);
    }
    let mut rows = Vec::new();
    if facts.iter().any(changes_session) || before.required_actions() != after.required_actions() {
        rows.push(session_row(after));
    }
    if facts.iter().any(|fact| matches!(fact, Fact::SessionCreated(_) | Fact::SessionUpdated(_))) {
        let doc = ConfigRow {
            agent: config.agent.clone(),
            spend_limit_microusd: config.spend_limit_microusd,
            wire: config.wire.clone(),
        };
        rows.push(RowChange::Put(Row::new(RowKey::new(&SESSION_CONFIGS, &[id]), &[], &doc)));
    }
    rows.extend(turn_rows(before, after, facts));
    rows
}

fn deleted(after: &SessionState, id: &str) -> Vec<RowChange> {
    let delete = |spec| RowChange::Delete(RowKey::new(spec, &[id]));
    let _ = after;
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
        Fact::EffectRequested(_)
        | Fact::EffectAttempted(_)
        | Fact::EffectCompleted(_)
        | Fact::EffectFailed(_)
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
        seq: state.seq,
    };
    let created = millis_column(config.created_at_ms);
    let columns = [
        ("tenant", config.tenant.as_str()),
        ("agent", config.agent.id.as_str()),
        ("created", created.as_str()),
    ];
    RowChange::Put(Row::new(RowKey::new(&SESSIONS, &[config.id.as_str()]), &columns, &doc))
}

/// One row per turn that changed: the last state it reached in these facts.
fn turn_rows(before: &SessionState, after: &SessionState, facts: &[Fact]) -> Vec<RowChange> {
    let mut turns: BTreeMap<TurnId, TurnRow> = BTreeMap::new();
    let mut seq = before.seq;
    // Rows are folded from the facts alone, starting from what the state before knew.
    if let Some(turn) = &before.turn {
        turns.insert(turn.id.clone(), known_turn(before, after));
    }
    let mut changed: Vec<TurnId> = Vec::new();
    for fact in facts {
        seq += 1;
        if let Some(id) = turn_changed(&mut turns, before, after, fact, seq) {
            if !changed.contains(&id) {
                changed.push(id);
            }
        }
    }
    let session = after.config().id.as_str();
    let row = |id: &TurnId| {
        let doc = turns.get(id)?;
        let key = RowKey::new(&TURNS, &[session, id.as_str()]);
        Some(RowChange::Put(Row::new(key, &[], doc)))
    };
    changed.iter().filter_map(row).collect()
}

fn known_turn(before: &SessionState, after: &SessionState) -> TurnRow {
    let turn = before.turn.as_ref().expect("the caller checked that there is one");
    TurnRow {
        started_at_ms: Some(turn.started_at_ms),
        usage: turn.usage,
        status: turn.status,
        ..fresh_turn(after, &turn.id, turn.created_at_ms, turn.first_seq)
    }
}

fn fresh_turn(state: &SessionState, id: &TurnId, created_at_ms: u64, first_seq: Seq) -> TurnRow {
    let config = state.config();
    TurnRow {
        id: id.clone(),
        session: config.id.clone(),
        agent: config.agent.id.clone(),
        status: TurnStatus::Queued,
        created_at_ms,
        started_at_ms: None,
        completed_at_ms: None,
        error: None,
        usage: Usage::default(),
        first_seq,
        last_seq: None,
    }
}

fn turn_changed(
    turns: &mut BTreeMap<TurnId, TurnRow>,
    before: &SessionState,
    after: &SessionState,
    fact: &Fact,
    seq: Seq,
) -> Option<TurnId> {
    let now = after.last_active_at_ms;
    let (id, change): (&TurnId, &dyn Fn(&mut TurnRow)) = match fact {
        Fact::InputReceived(input) if input.disposition != Disposition::Steers => {
            let mut row = fresh_turn(after, &input.turn, now, seq);
            if input.disposition == Disposition::Starts {
                row.status = TurnStatus::InProgress;
                row.started_at_ms = Some(now);
            }
            turns.insert(input.turn.clone(), row);
            return Some(input.turn.clone());
        }
        Fact::TurnStarted(started) => {
            let queued = before.queue.iter().find(|queued| queued.id == started.turn);
            if let Some(queued) = queued {
                let first_seq = queued.items.first().and_then(|item| item_seq(&item.id));
                let first_seq = first_seq.unwrap_or(seq);
                let row = fresh_turn(after, &started.turn, started.created_at_ms, first_seq);
                turns.insert(started.turn.clone(), row);
            }
            (&started.turn, &|row| {
                row.status = TurnStatus::InProgress;
                row.started_at_ms = Some(now);
            })
        }
        Fact::TurnWaiting(waiting) => (&waiting.turn, &|row| row.status = TurnStatus::Waiting),
        Fact::TurnResumed(resumed) => (&resumed.turn, &|row| row.status = TurnStatus::InProgress),
        Fact::TurnEnded(ended) => (&ended.turn, &|row| {
            row.completed_at_ms = Some(now);
            row.usage = ended.usage;
            row.last_seq = Some(seq);
            row.status = match &ended.end {
                TurnEnd::Completed => TurnStatus::Completed,
                TurnEnd::Failed { .. } => TurnStatus::Failed,
                TurnEnd::Cancelled => TurnStatus::Cancelled,
            };
            if let TurnEnd::Failed { code, message } = &ended.end {
                row.error = Some((*code, message.clone()));
            }
        }),
        _ => return None,
    };
    let row = turns.get_mut(id)?;
    change(row);
    Some(id.clone())
}
