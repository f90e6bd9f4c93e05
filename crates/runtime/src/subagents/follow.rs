//! What must follow from facts of parents and subagents, as tasks of the same commit.
//!
//! Invariant: a task's name holds what it is about, so that no task takes the place of another.

use mainstay_core::fact::{Fact, TurnEnd};
use mainstay_core::session::SessionState;
use mainstay_core::tool::ToolSource;
use mainstay_protocol::{Seq, SessionId, TaskChange, TaskKey, TurnId};

/// Kind of the tasks.
pub(super) const KIND: &str = "subagents";

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FollowUp {
    /// A subagent came to rest or is gone: its parent is told.
    Report { parent: SessionId, subagent: SessionId, seq: Seq },
    /// A turn was broken off: what it has subagents do ends too.
    Interrupt { parent: SessionId, turn: TurnId, at_ms: u64, pass: u32 },
    /// A session is gone: its subagents go too.
    Delete { parent: SessionId, pass: u32 },
}

impl FollowUp {
    pub(super) fn key(&self) -> TaskKey {
        let subject = match self {
            Self::Report { parent, subagent, seq } => format!("report/{parent}/{subagent}/{seq}"),
            Self::Interrupt { parent, turn, at_ms, pass } => {
                format!("interrupt/{parent}/{turn}/{at_ms}/{pass}")
            }
            Self::Delete { parent, pass } => format!("delete/{parent}/{pass}"),
        };
        TaskKey { kind: KIND.into(), subject: subject.into() }
    }

    pub(super) fn of(key: &TaskKey) -> Option<Self> {
        let parts: Vec<&str> = key.subject.split('/').collect();
        let session = |text: &str| SessionId::parse(text).ok();
        match parts.as_slice() {
            ["report", parent, subagent, seq] => Some(Self::Report {
                parent: session(parent)?,
                subagent: session(subagent)?,
                seq: seq.parse().ok()?,
            }),
            ["interrupt", parent, turn, at_ms, pass] => Some(Self::Interrupt {
                parent: session(parent)?,
                turn: TurnId::parse(turn).ok()?,
                at_ms: at_ms.parse().ok()?,
                pass: pass.parse().ok()?,
            }),
            ["delete", parent, pass] => {
                Some(Self::Delete { parent: session(parent)?, pass: pass.parse().ok()? })
            }
            _ => None,
        }
    }

    pub(super) fn due(&self, due_at_ms: u64) -> TaskChange {
        TaskChange::Put { key: self.key(), due_at_ms }
    }
}

/// Whether a change of tasks is about subagents.
pub(crate) fn is_follow_up(change: &TaskChange) -> bool {
    match change {
        TaskChange::Put { key, .. } | TaskChange::Delete { key } => key.kind.as_ref() == KIND,
    }
}

/// What follows from the facts that led to this state.
pub(crate) fn follow_ups<'a>(
    state: &SessionState,
    facts: impl Iterator<Item = &'a Fact>,
) -> Vec<TaskChange> {
    let Some(config) = &state.config else { return Vec::new() };
    let mut has_rested = false;
    let mut tasks = Vec::new();
    let is_agents = |source: &ToolSource| matches!(source, ToolSource::Agents { .. });
    let may_have = !state.subagents.is_empty() || config.agent.tools.iter().any(is_agents);
    let at_ms = state.last_active_at_ms;
    for fact in facts {
        match fact {
            Fact::TurnEnded(fact) => {
                has_rested = true;
                if may_have && fact.end != TurnEnd::Completed {
                    let (parent, turn) = (config.id.clone(), fact.turn.clone());
                    let interrupt = FollowUp::Interrupt { parent, turn, at_ms, pass: 1 };
                    tasks.push(interrupt.due(at_ms));
                }
            }
            Fact::SessionDeleted(_) => {
                has_rested = true;
                if may_have {
                    let delete = FollowUp::Delete { parent: config.id.clone(), pass: 1 };
                    tasks.push(delete.due(at_ms));
                }
            }
            Fact::SessionFailed(_) => has_rested = true,
            // What its own subagents cost while it rests is its parent's cost too.
            Fact::SubagentReported(_) => has_rested |= state.turn.is_none(),
            _ => {}
        }
    }
    if let Some(parent) = config.parent.as_ref().filter(|_| has_rested) {
        let (parent, subagent) = (parent.session.clone(), config.id.clone());
        tasks.push(FollowUp::Report { parent, subagent, seq: state.seq }.due(at_ms));
    }
    tasks
}
