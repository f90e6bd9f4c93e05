//! Agents that make agents: what a simulated one asks of its subagents, and what must hold of them.
//!
//! Invariant: what is asked follows from the transcript alone, as everything that the model says.

use std::collections::BTreeSet;
use std::sync::Arc;

use mainstay_core::effect::{EffectRequest, Outcome};
use mainstay_core::fact::Fact;
use mainstay_core::item::{Content, Item, ItemBody};
use mainstay_core::session::SessionState;
use mainstay_core::subagent::{
    CREATE_SUBAGENT, INTERRUPT_SUBAGENT, SEND_SUBAGENT_INPUT, SUBAGENTS, SubagentEvent,
    SubagentRow, WAIT_FOR_SUBAGENTS, subagent_session,
};
use mainstay_protocol::{EffectId, Entry, SessionId};
use mainstay_store::{Direction, MemoryStore, RowScan, Store};
use serde_json::{Value, json};

use crate::model::Script;

/// The longest wait, so that a run with a subagent that asks nobody ends.
const WAIT_SECONDS: u64 = 600;

/// What an agent asks of its subagents.
pub(crate) const ASKED: &[&str] = &[
    CREATE_SUBAGENT,
    CREATE_SUBAGENT,
    WAIT_FOR_SUBAGENTS,
    SEND_SUBAGENT_INPUT,
    WAIT_FOR_SUBAGENTS,
    INTERRUPT_SUBAGENT,
];

/// The arguments of a call about subagents; none for other tools.
pub(crate) fn arguments(tool: &str, tag: &str, so_far: &[Arc<Item>]) -> Option<String> {
    let known = made(so_far);
    let last = known.last().cloned().unwrap_or_else(|| "ses_none".to_owned());
    let arguments = match tool {
        CREATE_SUBAGENT => json!({"task": task(tag, steps(tag))}),
        SEND_SUBAGENT_INPUT => json!({"subagent_id": last, "message": task(tag, Vec::new())}),
        INTERRUPT_SUBAGENT => json!({"subagent_id": last}),
        WAIT_FOR_SUBAGENTS => {
            let named = if known.is_empty() { vec![last] } else { known };
            json!({"subagent_ids": named, "timeout_seconds": WAIT_SECONDS})
        }
        _ => return None,
    };
    Some(arguments.to_string())
}

/// The subagents that the outputs so far tell of.
fn made(so_far: &[Arc<Item>]) -> Vec<String> {
    let outputs = so_far.iter().filter_map(|item| match &item.body {
        ItemBody::ToolOutput { content, .. } => content.first(),
        _ => None,
    });
    let told = outputs.filter_map(|part| match part {
        Content::Text { text } => serde_json::from_str::<Value>(text).ok(),
        Content::Image { .. } => None,
    });
    told.filter_map(|told| Some(told["subagent_id"].as_str()?.to_owned())).collect()
}

fn task(tag: &str, steps: Vec<Vec<String>>) -> String {
    serde_json::to_string(&Script { tag: format!("{tag}+"), steps }).expect("scripts serialise")
}

/// What a subagent does, drawn from its name; those that are deep do little.
fn steps(tag: &str) -> Vec<Vec<String>> {
    let step = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let sum: usize = tag.bytes().map(usize::from).sum();
    match sum % 5 {
        0 => Vec::new(),
        1 => vec![step(&["put"])],
        2 => vec![step(&["send", "look"]), step(&["pay"])],
        3 if tag.matches('+').count() < 2 => {
            vec![step(&[CREATE_SUBAGENT]), step(&[WAIT_FOR_SUBAGENTS])]
        }
        _ => vec![step(&["sign"]), step(&["ask_client"])],
    }
}

/// All subagents of a session, whoever of its tree made them.
pub(crate) async fn below(store: &MemoryStore, root: &SessionId) -> Vec<SubagentRow> {
    let scan = RowScan {
        spec: SUBAGENTS.name.into(),
        index: vec!["root".into(), "opened".into()],
        prefix: vec![root.as_str().into()],
        after: None,
        direction: Direction::Ascending,
        limit_count: usize::MAX,
    };
    let page = store.rows(scan).await.expect("the memory store answers");
    page.rows.iter().map(|row| row.read().expect("a subagent's row")).collect()
}

/// Of a session and the subagents of its tree: each was made by an effect that asked for it, none twice;
/// what was told to be made is there; what each cost, its parent counted.
pub(crate) fn check(
    entries: &[Entry],
    state: &SessionState,
    tree: &[SubagentRow],
) -> Result<(), String> {
    let own: Vec<&SubagentRow> =
        tree.iter().filter(|row| row.parent.session.as_str() == &*state.journal).collect();
    let mut asked: BTreeSet<EffectId> = BTreeSet::new();
    for entry in entries {
        match Fact::read(entry).map_err(|error| error.to_string())? {
            Fact::EffectRequested(fact) => {
                if matches!(&fact.request, EffectRequest::Tool { tool, .. } if tool == CREATE_SUBAGENT)
                {
                    asked.insert(fact.effect);
                }
            }
            Fact::EffectCompleted(fact) => {
                let Outcome::Tool { subagent: Some(change), .. } = fact.outcome else { continue };
                let is_made = change.event == SubagentEvent::Created;
                if is_made && !own.iter().any(|row| row.id == change.subagent) {
                    return Err(format!("{} was made and is not there", change.subagent));
                }
            }
            _ => {}
        }
    }
    for row in own {
        if !asked.remove(&row.parent.effect) {
            return Err(format!("{} was made twice, or by nobody", row.id));
        }
        if row.id != subagent_session(&row.tenant, &row.parent.effect) {
            return Err(format!("{} does not follow from its effect", row.id));
        }
        if row.is_busy() {
            return Err(format!("{} does not rest", row.id));
        }
        let counted = state.subagents.get(&row.id).copied().unwrap_or_default();
        if counted != row.usage {
            return Err(format!("{} cost {:?}, its parent counted {counted:?}", row.id, row.usage));
        }
    }
    Ok(())
}
