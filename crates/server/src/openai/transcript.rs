//! What was said and done in a session, by whatever door.
//!
//! Invariant: items are in the order of the entries that bring them, whole, whatever the context was
//! summarised to. A page and a single item cost what they show, however long the journal is.

use std::collections::BTreeSet;

use mainstay_core::fact::Fact;
use mainstay_core::item::{Item, ItemBody, item_seq};
use mainstay_core::session::{REMOVED_ITEMS, removed_item_key};
use mainstay_protocol::{ApiError, ErrorCode, ItemId, JournalId, RowKey, Seq, SessionId};
use mainstay_store::{Direction, EntryRange, RowScan, Store};

use super::agents::page::read_row;
use super::project::{brought, locate, read, unknown_cursor};
use super::wire::{Order, PageQuery};
use crate::state::{AppState, store_error};

/// How many entries, or rows, are read at once.
const READ_COUNT: usize = 64;

/// Items in the order that was asked for.
pub(crate) struct ItemPage {
    pub(crate) items: Vec<Item>,
    /// Whether more follow.
    pub(crate) has_more: bool,
}

/// The items that the entries behind `after` and up to `last` bring, less those that were taken out
/// by them. Reads all of them.
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
            fact => items.extend(listed(&fact).cloned()),
        }
    }
    items.retain(|item| !removed.contains(&item.id));
    Ok(items)
}

/// The items that the first entry behind `after` that brings any brings.
pub(crate) async fn next_items(
    store: &dyn Store,
    session: &SessionId,
    after: Seq,
) -> Result<Vec<Item>, ApiError> {
    let mut reader = Reader::new(store, session, after, Direction::Ascending);
    while let Some(facts) = reader.next().await? {
        let mut brought = facts.iter().map(|fact| listed(fact).cloned().collect::<Vec<_>>());
        if let Some(items) = brought.find(|items| !items.is_empty()) {
            return Ok(items);
        }
    }
    Ok(Vec::new())
}

/// A page of a session's items.
pub(crate) async fn page_of_items(
    store: &dyn Store,
    session: &SessionId,
    query: &PageQuery,
) -> Result<ItemPage, ApiError> {
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let mut cursor = query.after.as_ref();
    let journal: JournalId = session.as_str().into();
    // The cursor's own entry is read again: it may bring more behind it.
    let start = match (query.order, cursor) {
        (Order::Asc, None) => 0,
        (Order::Asc, Some(after)) => locate(store, &journal, after).await?.saturating_sub(1),
        (Order::Desc, None) => Seq::MAX,
        (Order::Desc, Some(after)) => locate(store, &journal, after).await? + 1,
    };
    let mut reader = Reader::new(store, session, start, query.order.into());
    let mut items = Vec::new();
    while items.len() <= limit {
        let Some(facts) = reader.next().await? else { break };
        let mut found = Vec::new();
        for fact in &facts {
            let at = found.len();
            found.extend(listed(fact).cloned());
            if query.order == Order::Desc {
                found[at..].reverse();
            }
        }
        if let Some(after) = cursor.take() {
            let at = found.iter().position(|item| item.id.as_str() == after);
            found.drain(..=at.ok_or_else(|| unknown_cursor(after))?);
        }
        drop_removed(store, session, &mut found).await?;
        items.extend(found);
    }
    let has_more = items.len() > limit;
    items.truncate(limit);
    Ok(ItemPage { items, has_more })
}

/// One item, unless it was taken out.
pub(crate) async fn one_item(
    store: &dyn Store,
    session: &SessionId,
    id: &str,
) -> Result<Option<Item>, ApiError> {
    let journal: JournalId = session.as_str().into();
    let seq = match locate(store, &journal, id).await {
        Ok(seq) => seq,
        Err(error) if error.code == ErrorCode::InvalidCursor => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut items = next_items(store, session, seq.saturating_sub(1)).await?;
    items.retain(|item| item.id.as_str() == id);
    drop_removed(store, session, &mut items).await?;
    Ok(items.pop())
}

/// The items of a fact that a list shows.
fn listed(fact: &Fact) -> impl Iterator<Item = &Item> {
    // What the model reads of a call that was not made is between the two.
    let is_between = matches!(fact, Fact::CallRefused(_));
    brought(fact).filter(move |item| !is_between && !matches!(item.body, ItemBody::Summary { .. }))
}

/// Takes out the items that were taken out of the session: one scan of the rows that say so, from
/// the first of these items to the last.
async fn drop_removed(
    store: &dyn Store,
    session: &SessionId,
    items: &mut Vec<Item>,
) -> Result<(), ApiError> {
    let places = || items.iter().map(|item| removed_item_key(session, &item.id));
    let Some(last) = places().max() else { return Ok(()) };
    // Before the first of them: its entry, without the item's name.
    let seq = items.iter().filter_map(|item| item_seq(&item.id)).min().unwrap_or_default();
    let before = RowKey::new(&REMOVED_ITEMS, &[session.as_str(), &format!("{seq:016x}")]);
    let mut scan = RowScan {
        spec: REMOVED_ITEMS.name.into(),
        index: Vec::new(),
        prefix: vec![session.as_str().into()],
        after: Some(before),
        direction: Direction::Ascending,
        limit_count: READ_COUNT,
    };
    let mut removed = BTreeSet::<ItemId>::new();
    loop {
        let page = store.rows(scan.clone()).await.map_err(|error| store_error(&error))?;
        for row in &page.rows {
            removed.insert(read_row(row)?);
        }
        scan.after = page.rows.last().map(|row| row.key.clone());
        let is_past = scan.after.as_ref().is_none_or(|key| *key >= last);
        if is_past || !page.has_more {
            break;
        }
    }
    items.retain(|item| !removed.contains(&item.id));
    Ok(())
}

/// Reads a journal in one direction, part by part.
struct Reader<'a> {
    store: &'a dyn Store,
    journal: JournalId,
    range: EntryRange,
    is_done: bool,
}

impl<'a> Reader<'a> {
    fn new(store: &'a dyn Store, session: &SessionId, after: Seq, direction: Direction) -> Self {
        let range = EntryRange { after, direction, limit_count: READ_COUNT };
        Self { store, journal: session.as_str().into(), range, is_done: false }
    }

    /// The next facts; none behind the last.
    async fn next(&mut self) -> Result<Option<Vec<Fact>>, ApiError> {
        if self.is_done {
            return Ok(None);
        }
        let entries = self.store.entries(&self.journal, self.range.clone()).await;
        let entries = entries.map_err(|error| store_error(&error))?;
        self.is_done = entries.len() < self.range.limit_count;
        self.range.after = entries.last().map_or(self.range.after, |entry| entry.seq);
        entries.iter().map(read).collect::<Result<_, _>>().map(Some)
    }
}
