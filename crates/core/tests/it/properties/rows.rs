//! Rows as a store would have them, against what a fold of all facts says.

use std::collections::BTreeMap;

use mainstay_core::effect::Outcome;
use mainstay_core::fact::{Disposition, Fact, TurnEnd};
use mainstay_core::session::{
    ConfigRow, SessionRow, SessionState, SessionStatus, TurnRow, TurnStatus,
};
use mainstay_core::subagent::{SubagentRow, SubagentWorkState};
use mainstay_protocol::{Entry, Row, RowChange, RowKey, TurnId, Usage};

/// Rows by key, and what the facts so far say of turns.
#[derive(Debug, Default)]
pub(super) struct Rows {
    rows: BTreeMap<RowKey, Row>,
    turns: BTreeMap<TurnId, TurnRow>,
    usage: Usage,
}

impl Rows {
    pub(super) fn put(&mut self, changes: Vec<RowChange>, entries: &[Entry]) {
        for entry in entries {
            take(&mut self.turns, &mut self.usage, entry);
        }
        for change in changes {
            match change {
                RowChange::Put(row) => drop(self.rows.insert(row.key.clone(), row)),
                RowChange::Insert(row) => {
                    let before = self.rows.insert(row.key.clone(), row);
                    assert!(before.is_none(), "a row is inserted twice");
                }
                RowChange::Delete(key) => drop(self.rows.remove(&key)),
            }
        }
    }

    fn of(&self, spec: &str) -> Vec<&Row> {
        self.rows.values().filter(|row| row.key.spec.as_ref() == spec).collect()
    }

    pub(super) fn check(&self, state: &SessionState) {
        let sessions = self.of("sessions");
        if state.is_deleted {
            assert!(self.of("subagents").is_empty());
            assert!(sessions.is_empty() && self.of("session_configs").is_empty());
            return;
        }
        let row: SessionRow = sessions[0].read().expect("a session's row");
        assert_eq!(row.status, state.status);
        assert_eq!(row.required, state.required_actions());
        assert_eq!(row.turn, state.turn.as_ref().map(|turn| turn.id.clone()));
        assert_eq!(row.error, state.failure);
        assert_eq!(row.agent, state.config().agent.id);
        if state.is_resting() {
            assert_eq!(row.usage, state.usage);
        }
        let config: ConfigRow = self.of("session_configs")[0].read().expect("a config's row");
        assert_eq!(config.agent, state.config().agent);
        assert_eq!(config.spend_limit_microusd, state.config().spend_limit_microusd);
        self.check_turns(state);
        self.check_subagent(state);
    }

    /// A subagent has a row, and it says whether there is something to wait for.
    fn check_subagent(&self, state: &SessionState) {
        let rows = self.of("subagents");
        assert_eq!(rows.len(), usize::from(state.config().parent.is_some()));
        let Some(row) = rows.first() else { return };
        let row: SubagentRow = row.read().expect("a subagent's row");
        let waits = row.work == SubagentWorkState::RequiresAction;
        assert_eq!(waits, state.status == SessionStatus::RequiresAction);
        assert_eq!(row.closed_at_ms, state.closed_at_ms);
        if state.is_resting() {
            assert_eq!(row.usage, state.usage);
        } else {
            assert!(row.is_busy());
        }
    }

    fn check_turns(&self, state: &SessionState) {
        let turns = self.of("turns").into_iter();
        let known: BTreeMap<TurnId, TurnRow> = turns
            .map(|row| row.read::<TurnRow>().expect("a turn's row"))
            .map(|row| (row.id.clone(), row))
            .collect();
        let mut expected = self.turns.clone();
        for (id, turn) in &mut expected {
            // A turn's cost is shown when it ends.
            let row = &known[id];
            let is_over = row.completed_at_ms.is_some();
            turn.usage =
                if is_over && turn.status != TurnStatus::Queued { turn.usage } else { row.usage };
            if state.status == SessionStatus::Failed && turn.status == TurnStatus::Queued {
                assert_eq!(row.status, TurnStatus::Failed);
                *turn = row.clone();
            }
            turn.agent = row.agent.clone();
        }
        assert_eq!(known, expected);
    }
}

fn take(turns: &mut BTreeMap<TurnId, TurnRow>, usage: &mut Usage, entry: &Entry) {
    match Fact::read(entry).expect("our own fact") {
        Fact::InputReceived(fact) if fact.disposition != Disposition::Steers => {
            let starts = fact.disposition == Disposition::Starts;
            let row = TurnRow {
                id: fact.turn.clone(),
                session: "ses_1".to_owned().try_into().expect("a plain id"),
                agent: "agent_a".to_owned().try_into().expect("a plain id"),
                status: if starts { TurnStatus::InProgress } else { TurnStatus::Queued },
                created_at_ms: entry.at,
                started_at_ms: starts.then_some(entry.at),
                completed_at_ms: None,
                error: None,
                usage: Default::default(),
                first_seq: entry.seq,
                last_seq: None,
                session_usage: None,
            };
            turns.insert(fact.turn, row);
        }
        Fact::TurnStarted(fact) => {
            let row = turns.get_mut(&fact.turn).expect("a queued turn");
            (row.status, row.started_at_ms) = (TurnStatus::InProgress, Some(entry.at));
            assert_eq!(row.created_at_ms, fact.created_at_ms);
        }
        Fact::TurnWaiting(fact) => {
            turns.get_mut(&fact.turn).expect("an active turn").status = TurnStatus::Waiting;
        }
        Fact::TurnResumed(fact) => {
            turns.get_mut(&fact.turn).expect("an active turn").status = TurnStatus::InProgress;
        }
        Fact::TurnEnded(fact) => {
            let row = turns.get_mut(&fact.turn).expect("an active turn");
            (row.completed_at_ms, row.last_seq) = (Some(entry.at), Some(entry.seq));
            row.session_usage = Some(*usage);
            row.usage = fact.usage;
            row.status = match fact.end {
                TurnEnd::Completed => TurnStatus::Completed,
                TurnEnd::Failed { code, message } => {
                    row.error = Some((code, message));
                    TurnStatus::Failed
                }
                TurnEnd::Cancelled => TurnStatus::Cancelled,
            };
        }
        Fact::EffectCompleted(fact) => match fact.outcome {
            Outcome::Model { usage: cost, .. } | Outcome::Compacted { usage: cost, .. } => {
                usage.add(cost);
            }
            _ => {}
        },
        Fact::SubagentReported(fact) => usage.add(fact.usage),
        _ => {}
    }
}
