//! What must hold of a session's machine at the end of a run.

use std::collections::{BTreeMap, BTreeSet};

use mainstay_core::effect::{EffectRequest, Outcome, UnknownNext};
use mainstay_core::fact::{Answer, Fact, SandboxOperation};
use mainstay_core::item::{Content, Item, ItemBody};
use mainstay_core::port::Checkpoint;
use mainstay_protocol::{EffectId, Entry, Seq, SessionId};
use mainstay_store::MemoryStore;

use crate::machines::Machines;
use crate::world::{Deed, MACHINE_TOOL};

/// How many calls had ended when a call was asked for: in all, and since the last checkpoint.
#[derive(Clone, Copy, Default)]
struct Before {
    all: usize,
    unsaved: usize,
}

/// Every checkpoint of the journal that is kept can be read and holds what had ended before it was asked for; a
/// machine that is not the one before is never silently new, and says how much is lost; a command is run
/// once, unless its outcome is unknown and somebody says to run it again.
pub(crate) async fn machine(
    store: &MemoryStore,
    entries: &[Entry],
    deeds: &BTreeMap<EffectId, Deed>,
    id: &SessionId,
) -> Result<(), String> {
    let mut leaves: BTreeMap<EffectId, u32> = BTreeMap::new();
    let mut now = Before::default();
    let (mut requested, mut saving) = (BTreeMap::new(), BTreeMap::new());
    let mut unsaved: BTreeSet<String> = BTreeSet::new();
    let mut last_connection = 0;
    let kept_from = collected_before(entries)?;
    for entry in entries {
        let fact = Fact::read(entry).map_err(|error| error.to_string())?;
        match fact {
            Fact::EffectRequested(fact) => match fact.request {
                EffectRequest::Tool { tool, .. } if tool == MACHINE_TOOL => {
                    leaves.insert(fact.effect.clone(), 1);
                    requested.insert(fact.effect, now);
                }
                EffectRequest::Checkpoint => {
                    saving.insert(fact.effect, unsaved.clone());
                }
                _ => {}
            },
            Fact::EffectCompleted(fact) => match fact.outcome {
                Outcome::Tool { item, .. } if requested.contains_key(&fact.effect) => {
                    told(&item, requested[&fact.effect], &fact.effect)?;
                    unsaved.insert(fact.effect.to_string());
                    now = Before { all: now.all + 1, unsaved: unsaved.len() };
                }
                Outcome::Checkpoint { saved } => {
                    for connection in &saved.connections {
                        if connection.number <= last_connection {
                            return Err(format!("{id}: a connection is in the journal twice"));
                        }
                        last_connection = connection.number;
                    }
                    let held = saving.remove(&fact.effect).unwrap_or_default();
                    if let Some(checkpoint) = saved.checkpoint {
                        if entry.seq >= kept_from {
                            readable(store, id, &checkpoint).await?;
                        }
                        unsaved.retain(|effect| !held.contains(effect));
                        now.unsaved = unsaved.len();
                    }
                }
                _ => {}
            },
            Fact::EffectUnknown(fact) if fact.next == UnknownNext::Retry => {
                leaves.entry(fact.effect).and_modify(|count| *count += 1);
            }
            Fact::ApprovalResolved(fact) if fact.answer == Answer::Retry => {
                leaves.entry(fact.effect).and_modify(|count| *count += 1);
            }
            _ => {}
        }
    }
    for (effect, leaves) in leaves {
        let run = deeds.get(&effect).map_or(0, |deed| deed.applied);
        if run > leaves {
            return Err(format!("{effect}: a command was run {run} times, {leaves} allowed"));
        }
    }
    Ok(())
}

/// Where the checkpoints that are kept begin.
fn collected_before(entries: &[Entry]) -> Result<Seq, String> {
    let mut before = 0;
    for entry in entries.iter().filter(|entry| entry.kind.as_ref() == "sandbox.operated") {
        if let Fact::SandboxOperated(fact) = Fact::read(entry).map_err(|error| error.to_string())?
            && let SandboxOperation::Collected { before: mark, .. } = fact.operation
        {
            before = before.max(mark);
        }
    }
    Ok(before)
}

async fn readable(
    store: &MemoryStore,
    id: &SessionId,
    checkpoint: &Checkpoint,
) -> Result<(), String> {
    let ran = Machines::saved(store, id, checkpoint).await?;
    let different: BTreeSet<_> = ran.iter().collect();
    if different.len() != ran.len() {
        return Err(format!("{id}: a command was run twice in one machine: {ran:?}"));
    }
    Ok(())
}

/// What a call's answer says of its machine, beside what had ended before the call was asked for.
fn told(output: &Item, before: Before, effect: &EffectId) -> Result<(), String> {
    let ItemBody::ToolOutput { content, .. } = &output.body else { return Ok(()) };
    let Some(Content::Text { text }) = content.first() else { return Ok(()) };
    if text.starts_with("New ") && before.all > 0 {
        return Err(format!("{effect}: a new machine, and {} calls had ended", before.all));
    }
    let lost = text.strip_prefix("Restored { lost_calls: ").and_then(|rest| rest.split_once(' '));
    let lost: Option<usize> = lost.and_then(|(count, _)| count.parse().ok());
    match lost {
        Some(lost) if lost < before.unsaved => Err(format!(
            "{effect}: {lost} calls are said to be lost, and {} were not saved",
            before.unsaved
        )),
        Some(_) | None => Ok(()),
    }
}
