//! The rows of turns.
//!
//! Invariant: a row is the last state that its turn reached in the facts.

use std::collections::BTreeMap;

use mainstay_protocol::{Row, RowChange, RowKey, Seq, TurnId, Usage};

use super::projection::{TURNS, TurnRow};
use super::state::{SessionState, TurnStatus};
use crate::fact::{Disposition, Fact, TurnEnd, TurnEnded};

/// One row per turn that changed: the last state it reached in these facts.
pub(super) fn turn_rows(
    before: &SessionState,
    after: &SessionState,
    facts: &[Fact],
) -> Vec<RowChange> {
    let mut turns = Turns { before, after, usage: before.usage, changed: BTreeMap::new() };
    for (fact, seq) in facts.iter().zip(before.seq + 1..) {
        turns.take(fact, seq);
    }
    if let Some(turn) = &after.turn
        && let Some(row) = turns.changed.get_mut(&turn.id)
    {
        row.usage = turn.usage;
    }
    let session = after.config().id.as_str();
    let key = |row: &TurnRow| RowKey::new(&TURNS, &[session, row.id.as_str()]);
    turns.changed.values().map(|row| RowChange::Put(Row::new(key(row), &[], row))).collect()
}

/// Rows of the turns that the facts so far have changed.
struct Turns<'a> {
    before: &'a SessionState,
    after: &'a SessionState,
    /// What the session had cost at the fact that is taken.
    usage: Usage,
    changed: BTreeMap<TurnId, TurnRow>,
}

impl Turns<'_> {
    fn take(&mut self, fact: &Fact, seq: Seq) {
        let now = self.after.last_active_at_ms;
        match fact {
            Fact::InputReceived(input) => match input.disposition {
                Disposition::Starts => {
                    let row = self.fresh(&input.turn, now, seq);
                    self.changed.insert(input.turn.clone(), begun(row, now));
                }
                Disposition::Queues => {
                    let row = self.fresh(&input.turn, now, seq);
                    self.changed.insert(input.turn.clone(), row);
                }
                Disposition::Steers => {}
            },
            Fact::TurnStarted(fact) => {
                self.change(&fact.turn, |row| *row = begun(row.clone(), now));
            }
            Fact::TurnWaiting(fact) => {
                self.change(&fact.turn, |row| row.status = TurnStatus::Waiting);
            }
            Fact::TurnResumed(fact) => {
                self.change(&fact.turn, |row| row.status = TurnStatus::InProgress);
            }
            Fact::TurnEnded(fact) => {
                let usage = self.usage;
                self.change(&fact.turn, |row| {
                    ended(row, fact, now, seq);
                    row.session_usage = Some(usage);
                });
            }
            Fact::EffectCompleted(fact) => self.usage.add(fact.outcome.usage()),
            Fact::SubagentReported(fact) => self.usage.add(fact.usage),
            Fact::SessionFailed(fact) => {
                for turn in &self.after.queue {
                    let error = (fact.code, fact.message.clone());
                    self.change(&turn.id, |row| {
                        row.status = TurnStatus::Failed;
                        row.error = Some(error);
                        row.completed_at_ms = Some(now);
                        row.last_seq = Some(seq);
                    });
                }
            }
            Fact::SessionCreated(_)
            | Fact::SessionUpdated(_)
            | Fact::SessionDeleted(_)
            | Fact::SessionForked(_)
            | Fact::SessionImported(_)
            | Fact::SessionClosed(_)
            | Fact::SessionReopened(_)
            | Fact::ItemsAdded(_)
            | Fact::ItemRemoved(_)
            | Fact::SandboxOperated(_)
            | Fact::ResponseRequested(_)
            | Fact::ResponseRemoved(_)
            | Fact::EffectRequested(_)
            | Fact::EffectAttempted(_)
            | Fact::EffectFailed(_)
            | Fact::EffectParked(_)
            | Fact::EffectUnknown(_)
            | Fact::ApprovalResolved(_)
            | Fact::CallRefused(_) => {}
        }
    }

    fn change(&mut self, turn: &TurnId, change: impl FnOnce(&mut TurnRow)) {
        if let Some(row) = self.changed.get_mut(turn) {
            return change(row);
        }
        if let Some(mut row) = self.known(turn) {
            change(&mut row);
            self.changed.insert(turn.clone(), row);
        }
    }

    /// The row as the state before has it.
    fn known(&self, turn: &TurnId) -> Option<TurnRow> {
        if let Some(active) = self.before.turn.as_ref().filter(|active| &active.id == turn) {
            return Some(TurnRow {
                started_at_ms: Some(active.started_at_ms),
                usage: active.usage,
                status: active.status,
                ..self.fresh(turn, active.created_at_ms, active.first_seq)
            });
        }
        let queued = self.before.queue.iter().find(|queued| &queued.id == turn)?;
        Some(self.fresh(turn, queued.created_at_ms, queued.seq))
    }

    fn fresh(&self, turn: &TurnId, created_at_ms: u64, first_seq: Seq) -> TurnRow {
        let config = self.after.config();
        TurnRow {
            id: turn.clone(),
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
            session_usage: None,
        }
    }
}

fn begun(row: TurnRow, now: u64) -> TurnRow {
    TurnRow { status: TurnStatus::InProgress, started_at_ms: Some(now), ..row }
}

fn ended(row: &mut TurnRow, fact: &TurnEnded, now: u64, seq: Seq) {
    row.completed_at_ms = Some(now);
    row.usage = fact.usage;
    row.last_seq = Some(seq);
    row.status = match &fact.end {
        TurnEnd::Completed => TurnStatus::Completed,
        TurnEnd::Failed { code, message } => {
            row.error = Some((*code, message.clone()));
            TurnStatus::Failed
        }
        TurnEnd::Cancelled => TurnStatus::Cancelled,
    };
}
