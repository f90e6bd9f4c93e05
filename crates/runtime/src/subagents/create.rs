//! Making a subagent.

use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay_core::item::Content;
use mainstay_core::port::ToolOutput;
use mainstay_core::session::clip;
use mainstay_core::subagent::{
    MAX_TASK_PREVIEW_BYTES, NewSubagent, Parent, SubagentEvent, SubagentRow, SubagentWork,
    definition, subagent_session,
};
use mainstay_protocol::{ApiError, ErrorCode, SessionId};
use serde_json::{Map, Value, json};

use super::call::{Refused, caller, check_room, max_concurrent_count, output, root, with_change};
use super::rows::{Of, row, rows};
use crate::engine::{Engine, Inner};
use crate::submit::{NewSession, NewSessionId};

/// How many sessions may stand above a subagent.
const MAX_DEPTH: u32 = 4;
/// How many subagents a tree may have, closed ones too.
const MAX_TREE_COUNT: usize = 256;
/// What of the wire API's settings a subagent shares with its parent.
const SHARED_SETTINGS: &[&str] = &["vault_ids", "prompt_cache_options"];

/// Makes the subagent of this effect, unless an attempt before did.
pub(super) async fn create(
    inner: &Arc<Inner>,
    work: &SubagentWork,
    new: NewSubagent,
) -> Result<ToolOutput, Refused> {
    let id = subagent_session(&work.call.context.tenant, &work.call.effect);
    let _counting = inner.subagents.counting(root(work)).await;
    if let Some(row) = row(inner, &id).await? {
        return Ok(made(&row));
    }
    let parent = parent(work, &new)?;
    if let Some(model) = new.model.as_ref().filter(|model| inner.parts.models.find(model).is_none())
    {
        let why = format!("this server has no model {model:?}; leave it out to use your own");
        return Err(Refused::Told(why));
    }
    let tree = rows(inner, Of::Root(root(work))).await?;
    if tree.len() >= MAX_TREE_COUNT {
        let why = format!(
            "there are {MAX_TREE_COUNT} subagents already, the most that may be made; give your task to one of yours"
        );
        return Err(Refused::Told(why));
    }
    let limit_count = max_concurrent_count(work);
    check_room(&tree, limit_count)?;
    let spend_limit_microusd = share(work, &tree, limit_count)?;
    let session = NewSession {
        caller: caller(work)?,
        session: NewSessionId::Named(id.clone()),
        agent: definition(&work.config.agent, &new),
        metadata: BTreeMap::new(),
        spend_limit_microusd,
        sandbox: None,
        wire: shared(&work.config.wire),
        input: vec![vec![Content::Text { text: new.task }]],
        commands: Vec::new(),
        idempotency: None,
        parent: Some(Arc::new(parent)),
    };
    match Engine::of(inner).create_session(session).await {
        Ok(_) => {}
        // An attempt that was given up had sent it on its way.
        Err(error) if error.code == ErrorCode::Conflict => {}
        Err(error) => return Err(error.into()),
    }
    Ok(made(&row(inner, &id).await?.ok_or_else(|| gone(&id))?))
}

fn gone(id: &SessionId) -> Refused {
    Refused::from(ApiError::new(ErrorCode::NotFound, format!("subagent {id} was deleted")))
}

fn made(row: &SubagentRow) -> ToolOutput {
    let told = json!({"subagent_id": row.id, "name": row.parent.name});
    with_change(output(&told), row, SubagentEvent::Created)
}

/// Where the subagent comes from.
fn parent(work: &SubagentWork, new: &NewSubagent) -> Result<Parent, Refused> {
    let above = work.config.parent.as_ref();
    let depth = above.map_or(0, |parent| parent.depth) + 1;
    if depth > MAX_DEPTH {
        let why = format!(
            "you are a subagent {MAX_DEPTH} deep and cannot make another; do the task yourself"
        );
        return Err(Refused::Told(why));
    }
    // A subagent is known by its own id; the session at the top by its agent's.
    let agent = match above {
        Some(_) => work.config.id.to_string(),
        None => work.config.agent.id.to_string(),
    };
    Ok(Parent {
        session: work.config.id.clone(),
        effect: work.call.effect.clone(),
        turn: work.turn.clone(),
        root: root(work).clone(),
        depth,
        agent,
        name: new.name.clone(),
        task: clip(&new.task, MAX_TASK_PREVIEW_BYTES),
    })
}

/// An equal share of what is left and not promised to another: one for each subagent that may still be
/// made to work, and one for the parent.
fn share(
    work: &SubagentWork,
    tree: &[SubagentRow],
    limit_count: usize,
) -> Result<Option<u64>, Refused> {
    let Some(left_microusd) = work.left_microusd else { return Ok(None) };
    let own = tree.iter().filter(|row| row.parent.session == work.config.id);
    let open: Vec<&SubagentRow> = own.filter(|row| row.closed_at_ms.is_none()).collect();
    let promised = |row: &&SubagentRow| {
        let spent = row.usage.cost_microusd.unwrap_or(0);
        row.spend_limit_microusd.unwrap_or(0).saturating_sub(spent)
    };
    let promised_microusd: u64 = open.iter().map(promised).sum();
    let shares = limit_count.saturating_sub(open.len()).max(1) as u64 + 1;
    let share_microusd = left_microusd.saturating_sub(promised_microusd) / shares;
    if share_microusd == 0 {
        let why = "nothing is left of the budget for another subagent; close one that you no longer need, or do the task yourself";
        return Err(Refused::Told(why.to_owned()));
    }
    Ok(Some(share_microusd))
}

/// Its environment is not among it: that is its parent's.
fn shared(wire: &Value) -> Value {
    let own = |name: &&str| Some(((*name).to_owned(), wire.get(*name)?.clone()));
    let settings: Map<String, Value> = SHARED_SETTINGS.iter().filter_map(own).collect();
    if settings.is_empty() { Value::Null } else { Value::Object(settings) }
}
