//! What must hold at the end of every run, whatever happened in it.

use std::collections::{BTreeMap, BTreeSet};

use mainstay_core::effect::{EffectRequest, Outcome, UnknownNext};
use mainstay_core::fact::{Answer, Fact};
use mainstay_core::item::{Content, ItemBody};
use mainstay_core::session::{
    SESSIONS, SessionRow, SessionState, SessionStatus, TURNS, TurnRow, TurnStatus, fold, snapshot,
};
use mainstay_core::subagent::SubagentRow;
use mainstay_core::tool::Safety;
use mainstay_protocol::{EffectId, Entry, Hash, RowKey, Seq, SessionId, sha256_hex};
use mainstay_store::{Direction, EntryRange, MemoryStore, RowScan, Store};

use crate::actors::Seen;
use crate::world::{Deed, World};
use crate::{machine_checks, subagents};

/// Checks one session; the answer says what does not hold.
pub(crate) async fn session(
    store: &MemoryStore,
    world: &World,
    seen: &Seen,
    id: &SessionId,
) -> Result<Vec<Entry>, String> {
    let entries = journal(store, id).await;
    verify(&entries)?;
    let state = folded(&entries, id)?;
    saved(store, &entries, id).await?;
    rests(store, &state, id).await?;
    inputs(&entries, seen, id)?;
    effects(&entries, &world.deeds())?;
    machine_checks::machine(store, &entries, &world.deeds(), id).await?;
    feeds(&entries, seen, id)?;
    let tree = subagents::below(store, id).await;
    subagents::check(&entries, &state, &tree)?;
    for row in &tree {
        let entries = journal(store, &row.id).await;
        verify(&entries)?;
        let state = folded(&entries, &row.id)?;
        saved(store, &entries, &row.id).await?;
        rests(store, &state, &row.id).await?;
        inputs(&entries, seen, &row.id)?;
        effects(&entries, &world.deeds())?;
        subagents::check(&entries, &state, &tree)?;
    }
    Ok(entries)
}

/// Whether nothing is under way in a session, not even a checkpoint behind its last turn.
pub(crate) async fn is_quiet(store: &MemoryStore, id: &SessionId) -> bool {
    let tree = subagents::below(store, id).await;
    let mut counted = BTreeMap::new();
    for id in [id].into_iter().chain(tree.iter().map(|row| &row.id)) {
        match folded(&journal(store, id).await, id) {
            Ok(state) if state.effects.is_empty() => counted.extend(state.subagents),
            Ok(_) | Err(_) => return false,
        }
    }
    // What a subagent cost is counted a little after it came to rest.
    let is_counted = |row: &SubagentRow| counted.get(&row.id).copied().unwrap_or_default();
    tree.iter().all(|row| !row.is_busy() && is_counted(row) == row.usage)
}

/// What is open in a session, for people.
pub(crate) async fn tell(store: &MemoryStore, id: &SessionId) -> String {
    match folded(&journal(store, id).await, id) {
        Ok(state) => {
            let effects = state.effects.values();
            let open: Vec<_> = effects.map(|open| (&open.request, &open.phase)).collect();
            let workspace = &state.workspace;
            format!("; {id}: {:?}, open {open:?}, {workspace:?}", state.status)
        }
        Err(what) => format!("; {id}: {what}"),
    }
}

/// A digest of everything a run wrote and did.
pub(crate) fn digest(
    journals: &[Vec<Entry>],
    deeds: &BTreeMap<EffectId, Deed>,
    seen: &Seen,
) -> String {
    let mut text = String::new();
    for entries in journals {
        for entry in entries {
            text.push_str(&entry.hash.to_string());
        }
    }
    for (effect, deed) in deeds {
        text.push_str(&format!("{effect}{}{}{}", deed.tool, deed.attempts, deed.applied));
    }
    text.push_str(&format!("{:?}", seen.shown.lock().expect("no panics here")));
    sha256_hex(text.as_bytes())
}

async fn journal(store: &MemoryStore, id: &SessionId) -> Vec<Entry> {
    let range = EntryRange::following(0, usize::MAX);
    store.entries(&id.as_str().into(), range).await.expect("the memory store answers")
}

fn verify(entries: &[Entry]) -> Result<(), String> {
    let (mut seq, mut hash) = (0, Hash::ZERO);
    for entry in entries {
        entry.verify_after(seq, hash).map_err(|error| error.to_string())?;
        (seq, hash) = (entry.seq, entry.hash);
    }
    Ok(())
}

fn folded(entries: &[Entry], id: &SessionId) -> Result<SessionState, String> {
    let mut state = SessionState::new(id.as_str().into());
    for entry in entries {
        fold(&mut state, entry).map_err(|error| error.to_string())?;
    }
    Ok(state)
}

/// A saved fold is what its entries fold to.
async fn saved(store: &MemoryStore, entries: &[Entry], id: &SessionId) -> Result<(), String> {
    let Some(found) = store.snapshot(&id.as_str().into()).await.expect("answers") else {
        return Ok(());
    };
    let count = usize::try_from(found.seq).expect("positions fit");
    let state = snapshot::decode(found.version, &found.bytes);
    if state.as_ref() != Some(&folded(&entries[..count], id)?) {
        return Err(format!("{id}: the snapshot at {count} is not the fold: {state:?}"));
    }
    Ok(())
}

/// Every turn ended, and the rows say what the journal says.
async fn rests(store: &MemoryStore, state: &SessionState, id: &SessionId) -> Result<(), String> {
    if state.seq == 0 {
        return Ok(());
    }
    if !state.is_resting() || !state.queue.is_empty() || !state.effects.is_empty() {
        return Err(format!("{id} does not rest: {:?}, open {:?}", state.turn, state.effects));
    }
    if state.status == SessionStatus::Failed {
        return Err(format!("{id} failed: {:?}", state.failure));
    }
    let row = store.row(&RowKey::new(&SESSIONS, &[id.as_str()])).await.expect("answers");
    let row: SessionRow = row.ok_or("no session row")?.read().map_err(|error| error.to_string())?;
    if row.status != state.status || row.usage != state.usage || !row.required.is_empty() {
        return Err(format!("{id}: the row says {row:?}, the journal {:?}", state.status));
    }
    let scan = RowScan {
        spec: TURNS.name.into(),
        index: Vec::new(),
        prefix: vec![id.as_str().into()],
        after: None,
        direction: Direction::Ascending,
        limit_count: usize::MAX,
    };
    for row in store.rows(scan).await.expect("answers").rows {
        let turn: TurnRow = row.read().map_err(|error| error.to_string())?;
        let ended = matches!(
            turn.status,
            TurnStatus::Completed | TurnStatus::Failed | TurnStatus::Cancelled
        );
        if !ended || turn.last_seq.is_none() {
            return Err(format!("{id}: turn {} did not end: {:?}", turn.id, turn.status));
        }
    }
    Ok(())
}

/// No accepted input is lost, and none is there twice.
fn inputs(entries: &[Entry], seen: &Seen, id: &SessionId) -> Result<(), String> {
    let mut found: BTreeMap<String, u32> = BTreeMap::new();
    for entry in entries {
        let Ok(Fact::InputReceived(input)) = Fact::read(entry) else { continue };
        for item in input.items {
            let ItemBody::UserMessage { content } = item.body else { continue };
            let Some(Content::Text { text }) = content.into_iter().next() else { continue };
            let script: crate::model::Script =
                serde_json::from_str(&text).map_err(|error| error.to_string())?;
            *found.entry(script.tag).or_default() += 1;
        }
    }
    if let Some((tag, count)) = found.iter().find(|(_, count)| **count > 1) {
        return Err(format!("{id}: input {tag} is in the journal {count} times"));
    }
    let accepted = seen.accepted.lock().expect("no panics here");
    for tag in accepted.get(id).into_iter().flatten() {
        if !found.contains_key(tag) {
            return Err(format!("{id}: accepted input {tag} was lost"));
        }
    }
    Ok(())
}

/// What the ledger says of one effect.
#[derive(Default)]
struct Ledger {
    is_once: bool,
    has_decision: bool,
    /// Attempts that may be made without another's outcome being known.
    allowed: u32,
    is_completed_by_tool: bool,
}

/// No `once` effect was attempted again without its fate being settled first; what the journal says
/// was done was done; nothing was done that the journal does not know.
fn effects(entries: &[Entry], deeds: &BTreeMap<EffectId, Deed>) -> Result<(), String> {
    let mut ledger: BTreeMap<EffectId, Ledger> = BTreeMap::new();
    for entry in entries {
        let fact = Fact::read(entry).map_err(|error| error.to_string())?;
        note(&mut ledger, fact);
    }
    for (effect, known) in &ledger {
        let deed = deeds.get(effect).cloned().unwrap_or_default();
        if known.is_completed_by_tool && deed.applied == 0 {
            return Err(format!("{effect} is said to be done and was not"));
        }
        if deed.applied > 0 && !known.has_decision {
            return Err(format!("{effect} ran without a policy decision"));
        }
        let bound = if known.is_once { known.allowed } else { u32::MAX };
        if deed.attempts > bound {
            return Err(format!(
                "{effect} ({}) was attempted {} times, {bound} allowed",
                deed.tool, deed.attempts
            ));
        }
    }
    Ok(())
}

fn note(ledger: &mut BTreeMap<EffectId, Ledger>, fact: Fact) {
    match fact {
        Fact::EffectRequested(requested) => {
            let known = ledger.entry(requested.effect).or_default();
            known.is_once = requested.safety == Safety::Once;
            known.has_decision = requested.decision.is_some();
            known.allowed = u32::from(matches!(requested.request, EffectRequest::Tool { .. }));
        }
        // The fate of the attempt before is settled: by the tool, by a person, by the agent's rule.
        Fact::EffectFailed(failed) if failed.retry_at_ms.is_some() || failed.asks.is_some() => {
            ledger.entry(failed.effect).or_default().allowed += 1;
        }
        Fact::EffectUnknown(unknown) => {
            let known = ledger.entry(unknown.effect).or_default();
            match unknown.next {
                UnknownNext::Retry | UnknownNext::Reconcile => known.allowed += 1,
                UnknownNext::Ask { .. } | UnknownNext::Report { .. } => {}
            }
        }
        Fact::ApprovalResolved(resolved) if resolved.answer == Answer::Retry => {
            ledger.entry(resolved.effect).or_default().allowed += 1;
        }
        Fact::EffectCompleted(completed) => {
            let Outcome::Tool { item, .. } = completed.outcome else { return };
            let ItemBody::ToolOutput { content, .. } = item.body else { return };
            let said = content.iter().any(|part| match part {
                Content::Text { text } => text.ends_with("did it") || text == "it was done before",
                Content::Image { .. } => false,
            });
            ledger.entry(completed.effect).or_default().is_completed_by_tool = said;
        }
        _ => {}
    }
}

/// Each follower was shown every position once, in order.
fn feeds(entries: &[Entry], seen: &Seen, id: &SessionId) -> Result<(), String> {
    let expected: Vec<Seq> = entries.iter().map(|entry| entry.seq).collect();
    let shown = seen.shown.lock().expect("no panics here");
    let shown = shown.get(id).cloned().unwrap_or_default();
    if shown == expected {
        return Ok(());
    }
    let missing: BTreeSet<_> = expected.iter().filter(|seq| !shown.contains(seq)).collect();
    Err(format!("{id}: a follower was shown {shown:?}; missing {missing:?}"))
}
