//! From commands to a decision.

use mainstay_protocol::{EffectId, ErrorCode, RowChange};

use super::draft::Draft;
use super::{
    advance, approval, checkpoint, close, input, operate, outcome, question, recover, respond,
    subagent, update,
};
use crate::effect::Dispatch;
use crate::fact::{Fact, ResponseRemoved, SessionUpdated};
use crate::session::command::{Command, Facts, Rejected};
use crate::session::state::{SessionState, SessionStatus};

/// What follows from commands.
#[derive(Debug)]
pub struct Decision {
    /// The state once the facts are committed.
    pub next: SessionState,
    /// What to append.
    pub facts: Vec<Fact>,
    /// What to run once it is committed.
    pub dispatches: Vec<Dispatch>,
    /// What to abandon once it is committed, before anything is run.
    pub aborts: Vec<EffectId>,
    /// What to put beside it.
    pub rows: Vec<RowChange>,
    /// The blobs that the journal has no longer once it is committed.
    pub frees: Vec<String>,
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
    respond::check_answered(&draft)?;
    Ok(draft.finish(state))
}

fn one(draft: &mut Draft<'_>, command: Command) -> Result<(), Rejected> {
    match command {
        Command::Create(create) => {
            if draft.state.config.is_some() {
                let message = format!("session {} exists already", create.session);
                return Err(Rejected::new(ErrorCode::Conflict, message));
            }
            draft.create(*create);
            Ok(())
        }
        Command::Answer { effect, attempt, answer } => {
            outcome::answer(draft, &effect, attempt, answer);
            Ok(())
        }
        Command::Fail { code, message } => {
            update::fail(draft, code, message);
            Ok(())
        }
        Command::Tick => {
            recover::tick(draft);
            Ok(())
        }
        Command::Recover => {
            recover::recover(draft);
            Ok(())
        }
        Command::Input { messages, mode } => {
            check_exists(&draft.state)?;
            input::input(draft, messages, mode)
        }
        Command::Respond(respond) => {
            check_exists(&draft.state)?;
            respond::respond(draft, *respond)
        }
        Command::AddItems { items } => {
            check_exists(&draft.state)?;
            respond::add_items(draft, items)
        }
        Command::RemoveItem { item } => {
            check_exists(&draft.state)?;
            respond::remove_item(draft, item)
        }
        Command::RemoveResponse { response } => {
            check_exists(&draft.state)?;
            draft.record(Fact::ResponseRemoved(ResponseRemoved { response }));
            Ok(())
        }
        Command::Copied { is_import, origin } => {
            check_exists(&draft.state)?;
            close::copied(draft, is_import, origin);
            Ok(())
        }
        Command::Cancel => {
            check_exists(&draft.state)?;
            close::cancel(draft);
            Ok(())
        }
        Command::ToolResult { turn, call_id, output } => {
            check_exists(&draft.state)?;
            input::tool_result(draft, turn.as_ref(), &call_id, output)
        }
        Command::Approval { approval, answer } => {
            check_exists(&draft.state)?;
            approval::resolve(draft, &approval, answer)
        }
        Command::Consented { effect } => {
            check_exists(&draft.state)?;
            question::consented(draft, &effect);
            Ok(())
        }
        Command::Update { agent, metadata, spend_limit, wire } => {
            check_exists(&draft.state)?;
            let (agent, tools) = agent.map_or((None, None), |(agent, tools)| (Some(agent), tools));
            update::update(draft, SessionUpdated { agent, tools, metadata, spend_limit, wire });
            Ok(())
        }
        Command::SubagentReport { subagent: id, total } => {
            check_exists(&draft.state)?;
            subagent::report(draft, &id, total);
            Ok(())
        }
        Command::Close => {
            check_exists(&draft.state)?;
            subagent::close(draft)
        }
        Command::Reopen => {
            check_exists(&draft.state)?;
            subagent::reopen(draft)
        }
        Command::Checkpoint => {
            check_exists(&draft.state)?;
            checkpoint::command(draft)
        }
        Command::Operate { operation, as_of } => {
            check_exists(&draft.state)?;
            operate::operate(draft, operation, as_of)
        }
        Command::Collect(collect) => {
            check_exists(&draft.state)?;
            operate::collect(draft, *collect)
        }
        Command::Delete => {
            check_exists(&draft.state)?;
            update::delete(draft)
        }
    }
}

fn check_exists(state: &SessionState) -> Result<(), Rejected> {
    if state.config.is_some() && !state.is_deleted {
        return Ok(());
    }
    let message = format!("session {} does not exist", state.journal);
    Err(Rejected::new(ErrorCode::NotFound, message))
}

/// Whether the session takes input.
pub(super) fn check_open(state: &SessionState) -> Result<(), Rejected> {
    if state.status != SessionStatus::Failed {
        return Ok(());
    }
    let reason = state.failure.as_ref().map_or("", |(_, message)| message.as_str());
    Err(Rejected::new(ErrorCode::SessionFailed, format!("the session failed: {reason}")))
}
