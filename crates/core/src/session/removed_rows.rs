//! The rows of items that were taken out of a session.
//!
//! Invariant: keys sort by the entries that announced the items, so that whoever reads a stretch of
//! a journal finds what is gone from it in one scan.

use mainstay_protocol::{ItemId, Row, RowChange, RowKey, RowSpec, SessionId};

use super::state::SessionState;
use crate::fact::Fact;
use crate::item::item_seq;

/// Items that were taken out, by session and place.
pub const REMOVED_ITEMS: RowSpec =
    RowSpec { name: "removed_items", key: &["session", "place"], indexes: &[] };

/// The key of the row that says that this item was taken out; its document is the item's id.
#[must_use]
pub fn removed_item_key(session: &SessionId, item: &ItemId) -> RowKey {
    let seq = item_seq(item).unwrap_or_default();
    RowKey::new(&REMOVED_ITEMS, &[session.as_str(), &format!("{seq:016x} {item}")])
}

/// One row for each item that these facts take out.
pub(super) fn removed_rows(after: &SessionState, facts: &[Fact]) -> Vec<RowChange> {
    let session = &after.config().id;
    let removed = facts.iter().filter_map(|fact| match fact {
        Fact::ItemRemoved(fact) => Some(&fact.item),
        _ => None,
    });
    let row = |item| RowChange::Put(Row::new(removed_item_key(session, item), &[], item));
    removed.map(row).collect()
}
