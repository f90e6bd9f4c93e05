//! Which entries bring which items.
//!
//! Invariant: an item's id names the entry that announced it, so that the one that brings it is
//! found by reading a bounded stretch of the journal.

use mainstay_core::effect::Outcome;
use mainstay_core::fact::Fact;
use mainstay_core::item::{Item, item_seq};
use mainstay_protocol::{ApiError, ErrorCode, ItemId, JournalId, Seq};
use mainstay_store::{EntryRange, Store};

use super::feed::read;
use crate::state::store_error;

/// How many entries are read at once.
const ENTRY_PAGE_COUNT: usize = 64;
/// How far behind its request the entry that brings an item is looked for.
const MAX_LOCATE_ENTRIES: usize = 4_096;

/// A cursor that names nothing in a list of items.
pub(crate) fn unknown_cursor(after: &str) -> ApiError {
    let message = format!("parameter 'after' names no item of this list: {after:?}");
    ApiError::new(ErrorCode::InvalidCursor, message).with_param("after")
}

/// The entry that brings an item. An item of a model names the entry that asked the model.
pub(crate) async fn locate(
    store: &dyn Store,
    journal: &JournalId,
    after: &str,
) -> Result<Seq, ApiError> {
    let id = ItemId::parse(after).map_err(|_| unknown_cursor(after))?;
    let mut at = item_seq(&id).ok_or_else(|| unknown_cursor(after))?.saturating_sub(1);
    let last = at.saturating_add(MAX_LOCATE_ENTRIES as u64);
    while at < last {
        let range = EntryRange::following(at, ENTRY_PAGE_COUNT);
        let page = store.entries(journal, range).await.map_err(|error| store_error(&error))?;
        let Some(end) = page.last().map(|entry| entry.seq) else { break };
        for entry in &page {
            if brought(&read(entry)?).any(|item| item.id == id) {
                return Ok(entry.seq);
            }
        }
        at = end;
    }
    Err(unknown_cursor(after))
}

/// The items that a fact brings.
pub(crate) fn brought(fact: &Fact) -> impl Iterator<Item = &Item> {
    let (many, one): (&[Item], Option<&Item>) = match fact {
        Fact::InputReceived(fact) => (&fact.items, None),
        Fact::ItemsAdded(fact) => (&fact.items, None),
        Fact::EffectCompleted(fact) => match &fact.outcome {
            Outcome::Model { items, .. } => (items, None),
            Outcome::Tool { item, .. } => (&[], Some(item)),
            Outcome::Compacted { .. } | Outcome::Tools { .. } | Outcome::Checkpoint { .. } => {
                (&[], None)
            }
        },
        Fact::EffectFailed(fact) => (&[], fact.item.as_ref()),
        Fact::EffectUnknown(fact) => match &fact.next {
            mainstay_core::effect::UnknownNext::Report { item } => (&[], Some(item)),
            _ => (&[], None),
        },
        Fact::ApprovalResolved(fact) => (&[], fact.item.as_ref()),
        Fact::CallRefused(fact) => (&[], Some(&fact.item)),
        Fact::SessionCreated(_)
        | Fact::SessionUpdated(_)
        | Fact::SessionFailed(_)
        | Fact::SessionDeleted(_)
        | Fact::SessionForked(_)
        | Fact::SessionImported(_)
        | Fact::SessionClosed(_)
        | Fact::SessionReopened(_)
        | Fact::SubagentReported(_)
        | Fact::EffectParked(_)
        | Fact::ItemRemoved(_)
        | Fact::SandboxOperated(_)
        | Fact::ResponseRequested(_)
        | Fact::ResponseRemoved(_)
        | Fact::TurnStarted(_)
        | Fact::TurnWaiting(_)
        | Fact::TurnResumed(_)
        | Fact::TurnEnded(_)
        | Fact::EffectRequested(_)
        | Fact::EffectAttempted(_) => (&[], None),
    };
    many.iter().chain(one)
}
