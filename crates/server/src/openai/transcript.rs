//! What was said and done in a session, by whatever door.
//!
//! Invariant: items are in the order of the entries that bring them, whole, whatever the context was
//! summarised to.

use std::collections::BTreeSet;

use mainstay_core::fact::Fact;
use mainstay_core::item::{Item, ItemBody};
use mainstay_protocol::{ApiError, ItemId, Seq, SessionId};

use super::project::{brought, read};
use crate::state::AppState;

/// The items that the entries behind `after` and up to `last` bring, less those that were taken out.
pub(crate) async fn session_items(
    state: &AppState,
    session: &SessionId,
    after: Seq,
    last: Seq,
) -> Result<Vec<Item>, ApiError> {
    let (mut items, mut removed) = (Vec::new(), BTreeSet::<ItemId>::new());
    for entry in state.engine().entries_until(session, last).await? {
        if entry.seq <= after {
            continue;
        }
        match read(&entry)? {
            Fact::ItemRemoved(fact) => drop(removed.insert(fact.item)),
            // What the model reads of a call that was not made is between the two.
            Fact::CallRefused(_) => {}
            fact => items.extend(brought(&fact).cloned()),
        }
    }
    items.retain(|item| {
        !removed.contains(&item.id) && !matches!(item.body, ItemBody::Summary { .. })
    });
    Ok(items)
}
