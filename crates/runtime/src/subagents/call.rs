//! The calls of an agent about its subagents.
//!
//! Invariant: an agent reaches the subagents that its own session made, and no others; what it may not
//! do is told to its model, and does not fail its turn.

use std::sync::Arc;

use mainstay_core::item::Content;
use mainstay_core::port::{ToolError, ToolOutput, WorldChange};
use mainstay_core::session::{Command, InputMode};
use mainstay_core::subagent::{
    SubagentCall, SubagentChange, SubagentEvent, SubagentRow, SubagentWork,
};
use mainstay_core::tool::ToolSource;
use mainstay_protocol::{
    ApiError, ErrorCode, Principal, PrincipalId, Scope, SessionId, sha256_hex,
};
use serde_json::{Value, json};

use super::rows::{Of, row, rows};
use super::{create, wait};
use crate::engine::{Engine, Inner};
use crate::submit::{Idempotency, Submission};

/// How many subagents an agent is reminded of.
const REMINDED_LIMIT_COUNT: usize = 16;

/// What came of a call.
pub(crate) enum Told {
    /// This is its output.
    Output(ToolOutput),
    /// There is nothing to tell yet.
    Parked {
        /// When it is told all the same.
        until_ms: u64,
    },
}

/// Makes a call.
pub(crate) async fn call(inner: &Arc<Inner>, work: SubagentWork) -> Result<Told, ToolError> {
    let asked = match SubagentCall::parse(&work.call.spec.remote_name, &work.call.arguments) {
        Ok(asked) => asked,
        Err(why) => return Ok(Told::Output(ToolOutput::error(why))),
    };
    let told = match asked {
        SubagentCall::Create(new) => create::create(inner, &work, new).await.map(Told::Output),
        SubagentCall::Wait { subagents, wait_for, timeout_seconds } => {
            wait::wait(inner, &work, &subagents, wait_for, timeout_seconds).await
        }
        SubagentCall::Send { subagent, message } => {
            send(inner, &work, &subagent, message).await.map(Told::Output)
        }
        SubagentCall::Interrupt { subagent } => {
            interrupt(inner, &work, &subagent).await.map(Told::Output)
        }
        SubagentCall::Close { subagent } => {
            let closing = (Command::Close, SubagentEvent::Closed);
            switch(inner, &work, &subagent, closing).await.map(Told::Output)
        }
        SubagentCall::Resume { subagent } => {
            let opening = (Command::Reopen, SubagentEvent::Resumed);
            switch(inner, &work, &subagent, opening).await.map(Told::Output)
        }
    };
    told.or_else(|error| match error {
        Refused::Told(why) => Ok(Told::Output(ToolOutput::error(why))),
        Refused::Failed(error) => Err(ToolError {
            message: error.message,
            retryable: true,
            world: WorldChange::Maybe,
            retry_after_ms: None,
            needs: None,
        }),
    })
}

/// Why a call has no output.
pub(super) enum Refused {
    /// The model is told why.
    Told(String),
    /// It is attempted again.
    Failed(ApiError),
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        if error.code.retryable() || error.code == ErrorCode::Internal {
            Self::Failed(error)
        } else {
            Self::Told(error.message)
        }
    }
}

/// Whoever caused the turn; a subagent acts for nobody else.
pub(super) fn caller(work: &SubagentWork) -> Result<Principal, Refused> {
    let context = &work.call.context;
    let id = PrincipalId::parse(&context.principal)
        .map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))?;
    Ok(Principal { tenant: context.tenant.clone(), id, scopes: vec![Scope::Use] })
}

/// The session at the top of the tree.
pub(super) fn root(work: &SubagentWork) -> &SessionId {
    work.config.parent.as_ref().map_or(&work.config.id, |parent| &parent.root)
}

pub(super) fn max_concurrent_count(work: &SubagentWork) -> usize {
    match *work.call.source {
        ToolSource::Agents { max_concurrent_count } => max_concurrent_count as usize,
        _ => 0,
    }
}

/// A subagent that this session made.
pub(super) async fn own(
    inner: &Inner,
    work: &SubagentWork,
    id: &str,
) -> Result<Option<SubagentRow>, ApiError> {
    let Ok(session) = SessionId::parse(id) else { return Ok(None) };
    let found = row(inner, &session).await?;
    Ok(found.filter(|row| row.parent.session == work.config.id))
}

async fn own_or_told(inner: &Inner, work: &SubagentWork, id: &str) -> Result<SubagentRow, Refused> {
    match own(inner, work, id).await? {
        Some(row) => Ok(row),
        None => Err(Refused::Told(unknown(inner, work, id).await?)),
    }
}

/// What a model is told of a subagent that is not its own.
pub(super) async fn unknown(
    inner: &Inner,
    work: &SubagentWork,
    id: &str,
) -> Result<String, ApiError> {
    let own = rows(inner, Of::Parent(&work.config.id)).await?;
    let known: Vec<&str> =
        own.iter().rev().take(REMINDED_LIMIT_COUNT).map(|row| row.id.as_str()).collect();
    let known = if known.is_empty() { "you have none".to_owned() } else { known.join(", ") };
    Ok(format!("you have no subagent {id:?}; your subagents: {known}"))
}

/// Refuses when one more subagent of the tree may not begin to work.
pub(super) fn check_room(tree: &[SubagentRow], limit_count: usize) -> Result<(), Refused> {
    let busy_count = tree.iter().filter(|row| row.is_busy()).count();
    if busy_count < limit_count {
        return Ok(());
    }
    Err(Refused::Told(format!(
        "{busy_count} subagents work already, and no more than {limit_count} may work at once; wait for one of them first"
    )))
}

async fn send(
    inner: &Arc<Inner>,
    work: &SubagentWork,
    id: &str,
    message: String,
) -> Result<ToolOutput, Refused> {
    let row = own_or_told(inner, work, id).await?;
    if row.closed_at_ms.is_some() {
        return Err(Refused::Told(format!("subagent {id} is closed; resume it first")));
    }
    let _counting = inner.subagents.counting(root(work)).await;
    if !row.is_busy() {
        check_room(&rows(inner, Of::Root(root(work))).await?, max_concurrent_count(work))?;
    }
    // The same key for every attempt: the subagent takes the message once.
    let idempotency = Idempotency {
        key: format!("subagent:{}", work.call.effect),
        body_sha256: sha256_hex(message.as_bytes()),
    };
    let messages = vec![vec![Content::Text { text: message }]];
    let submission = Submission {
        caller: caller(work)?,
        commands: vec![Command::Input { messages, mode: InputMode::Steer }],
        idempotency: Some(idempotency),
    };
    Engine::of(inner).submit(&row.id, submission).await?;
    Ok(output(&json!({"subagent_id": id, "status": "working"})))
}

async fn interrupt(
    inner: &Arc<Inner>,
    work: &SubagentWork,
    id: &str,
) -> Result<ToolOutput, Refused> {
    let row = own_or_told(inner, work, id).await?;
    command(inner, work, &row, Command::Cancel).await?;
    let row = own_or_told(inner, work, id).await?;
    Ok(output(&wait::told(&row, usize::MAX)))
}

/// Closes a subagent or opens it again.
async fn switch(
    inner: &Arc<Inner>,
    work: &SubagentWork,
    id: &str,
    (asked, event): (Command, SubagentEvent),
) -> Result<ToolOutput, Refused> {
    let row = own_or_told(inner, work, id).await?;
    command(inner, work, &row, asked).await?;
    let row = own_or_told(inner, work, id).await?;
    Ok(with_change(output(&wait::told(&row, usize::MAX)), &row, event))
}

async fn command(
    inner: &Arc<Inner>,
    work: &SubagentWork,
    row: &SubagentRow,
    command: Command,
) -> Result<(), Refused> {
    let caller = caller(work)?;
    let submission = Submission { caller, commands: vec![command], idempotency: None };
    Engine::of(inner).submit(&row.id, submission).await?;
    Ok(())
}

/// What the model reads.
pub(super) fn output(value: &Value) -> ToolOutput {
    ToolOutput::text(value.to_string())
}

/// The output of a call that changed what subagents there are.
pub(super) fn with_change(
    output: ToolOutput,
    row: &SubagentRow,
    event: SubagentEvent,
) -> ToolOutput {
    let change = SubagentChange {
        event,
        subagent: row.id.clone(),
        root: row.parent.root.clone(),
        parent_agent: row.parent.agent.clone(),
        name: row.parent.name.clone(),
        task: row.parent.task.clone(),
        opened_at_ms: row.opened_at_ms,
        closed_at_ms: row.closed_at_ms,
    };
    ToolOutput { subagent: Some(Box::new(change)), ..output }
}
