//! The rules: commands in, facts and effects out.
//!
//! Invariant: pure; all or nothing; the returned state is the fold of the returned facts over the
//! state given. One file per kind of command; `advance` decides what happens next after any of
//! them.

mod advance;
mod answer;
mod approval;
mod close;
mod draft;
mod input;
mod recover;

#[cfg(test)]
mod tests;

use mainstay_protocol::{EffectId, ErrorCode, RowChange};

use self::draft::Draft;
use super::command::{Command, Facts, Rejected};
use super::state::{SessionState, SessionStatus};
use crate::effect::Dispatch;
use crate::fact::{Fact, SessionDeleted, SessionFailed, SessionUpdated};

pub use answer::MAX_PARALLEL_CALLS;
pub use input::MAX_QUEUED_TURNS;

/// What follows from commands.
#[derive(Debug)]
pub struct Decision {
    /// The state once the facts are committed.
    pub next: SessionState,
    /// What to append.
    pub facts: Vec<Fact>,
    /// What to run once it is committed.
    pub dispatches: Vec<Dispatch>,
    /// What to abandon once it is committed.
    pub aborts: Vec<EffectId>,
    /// What to put beside it.
    pub rows: Vec<RowChange>,
}

/// Decides on commands, in order, all or none.
pub fn decide(
    state: &SessionState,
    commands: Vec<Command>,
    facts: &Facts<'_>,
) -> Result<Decision, Rejected> {
    let mut draft = Draft::new(state, facts);
    for command in commands {
        one(&mut draft, command)?;
        advance::advance(&mut draft);
    }
    Ok(draft.finish(state))
}

fn one(draft: &mut Draft<'_>, command: Command) -> Result<(), Rejected> {
    let exists = draft.state.config.is_some();
    match command {
        Command::Create(create) if !exists => {
            draft.create(*create);
            return Ok(());
        }
        Command::Create(create) => {
            let message = format!("session {} exists already", create.session);
            return Err(Rejected::new(ErrorCode::Conflict, message));
        }
        Command::Answer { effect, attempt, answer } => {
            answer::answer(draft, &effect, attempt, answer);
            return Ok(());
        }
        Command::Fail { code, message } => {
            close::close_effects(draft, "the session failed");
            draft.record(Fact::SessionFailed(SessionFailed { code, message }));
            return Ok(());
        }
        Command::Tick => {
            recover::tick(draft);
            return Ok(());
        }
        Command::Recover => {
            recover::recover(draft);
            return Ok(());
        }
        Command::Input { .. }
        | Command::Cancel
        | Command::ToolResult { .. }
        | Command::Approval { .. }
        | Command::Update { .. }
        | Command::Delete => {}
    }
    if !exists || draft.state.is_deleted {
        let message = format!("session {} does not exist", draft.state.journal);
        return Err(Rejected::new(ErrorCode::NotFound, message));
    }
    by_client(draft, command)
}

/// Commands that a client sends to a session that exists.
fn by_client(draft: &mut Draft<'_>, command: Command) -> Result<(), Rejected> {
    match command {
        Command::Input { messages, mode } => input::input(draft, messages, mode),
        Command::Cancel => {
            close::cancel(draft);
            Ok(())
        }
        Command::ToolResult { turn, call_id, output } => {
            input::tool_result(draft, turn.as_ref(), &call_id, output)
        }
        Command::Approval { approval, answer } => approval::resolve(draft, &approval, answer),
        Command::Update { agent, metadata, spend_limit, wire } => {
            let (agent, tools) = agent.map_or((None, None), |(agent, tools)| (Some(agent), tools));
            let update = SessionUpdated { agent, tools, metadata, spend_limit, wire };
            draft.record(Fact::SessionUpdated(update));
            Ok(())
        }
        Command::Delete if draft.state.is_resting() => {
            draft.record(Fact::SessionDeleted(SessionDeleted {}));
            Ok(())
        }
        Command::Delete => Err(Rejected::new(
            ErrorCode::Conflict,
            "the session has an active turn, which must be cancelled before the session is deleted",
        )),
        Command::Create(_)
        | Command::Answer { .. }
        | Command::Fail { .. }
        | Command::Tick
        | Command::Recover => Ok(()),
    }
}

/// Whether the session takes input.
fn check_open(state: &SessionState) -> Result<(), Rejected> {
    if state.status != SessionStatus::Failed {
        return Ok(());
    }
    let reason = state.failure.as_ref().map_or("", |(_, message)| message.as_str());
    Err(Rejected::new(ErrorCode::SessionFailed, format!("the session failed: {reason}")))
}
