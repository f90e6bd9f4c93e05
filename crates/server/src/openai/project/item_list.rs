//! A page of a session's or a turn's items, from the journal.
//!
//! Invariant: items are in the order of the entries that bring them, so that a page never gains an
//! item before one it has shown. A page reads as much of the journal as it shows, up to the ends of
//! the steps that its calls belong to.

use std::collections::{HashMap, VecDeque};

use mainstay_core::effect::{EffectRequest, Outcome};
use mainstay_core::fact::{Disposition, Fact};
use mainstay_core::item::{Item, ItemBody};
use mainstay_protocol::{ApiError, ItemId, JournalId, Seq, TurnId};
use mainstay_store::{Direction, EntryRange, Store};

use super::brought::{brought, locate, unknown_cursor};
use super::call::{CallEnd, CallView, OpenCalls};
use super::feed::read;
use super::item::{self, ReplyView};
use crate::openai::wire::{self, List, Order};
use crate::state::store_error;

/// How many entries are read at once.
const ENTRY_PAGE_COUNT: usize = 256;
/// The most entries that one page of items reads.
const MAX_PAGE_ENTRIES: usize = 16_384;

/// Which items.
pub(crate) struct ItemQuery {
    /// The item after which the page begins, in the list's order.
    pub(crate) after: Option<String>,
    /// The most items.
    pub(crate) limit: usize,
    /// The direction.
    pub(crate) order: Order,
    /// Only this turn's.
    pub(crate) turn: Option<TurnSpan>,
    /// What the session's agent is called among agents.
    pub(crate) agent: String,
}

/// Where a turn is in its journal.
pub(crate) struct TurnSpan {
    pub(crate) id: TurnId,
    pub(crate) first_seq: Seq,
    /// None while the turn is open.
    pub(crate) last_seq: Option<Seq>,
}

/// The page.
pub(crate) async fn list_items(
    store: &dyn Store,
    journal: &JournalId,
    query: &ItemQuery,
) -> Result<List<wire::Item>, ApiError> {
    let cursor = match &query.after {
        Some(after) => Some(locate(store, journal, after).await?),
        None => None,
    };
    let mut window = Window::new(store, journal, query);
    match (query.order, cursor) {
        (Order::Asc, None) => window.read_up(window.low, Some(query.limit)).await?,
        (Order::Asc, Some(seq)) => {
            window.read_down(seq + 1, None).await?;
            window.read_up(seq, Some(query.limit)).await?;
        }
        (Order::Desc, None) => window.read_down(Seq::MAX, Some(query.limit)).await?,
        (Order::Desc, Some(seq)) => {
            window.read_down(seq + 1, Some(query.limit)).await?;
            window.read_up(seq, None).await?;
        }
    }
    let is_cut = window.is_cut;
    let mut items = window.items();
    if query.order == Order::Desc {
        items.reverse();
    }
    if let Some(after) = &query.after {
        let at = items.iter().position(|item| item.id() == after);
        items.drain(..=at.ok_or_else(|| unknown_cursor(after))?);
    }
    let has_more = items.len() > query.limit || (is_cut && !items.is_empty());
    items.truncate(query.limit);
    Ok(List::page(items, has_more, wire::Item::id))
}

/// Whether no call is open where this fact stands.
fn is_boundary(fact: &Fact) -> bool {
    match fact {
        Fact::EffectRequested(fact) => matches!(fact.request, EffectRequest::Model { .. }),
        Fact::InputReceived(fact) => fact.disposition == Disposition::Starts,
        Fact::SessionCreated(_)
        | Fact::SessionFailed(_)
        | Fact::SessionForked(_)
        | Fact::SessionImported(_)
        | Fact::ItemsAdded(_)
        | Fact::ItemRemoved(_)
        | Fact::TurnStarted(_)
        | Fact::TurnEnded(_) => true,
        Fact::SessionUpdated(_)
        | Fact::SessionDeleted(_)
        | Fact::SessionClosed(_)
        | Fact::SessionReopened(_)
        | Fact::SubagentReported(_)
        | Fact::EffectParked(_)
        // It may come while a turn's calls are under way.
        | Fact::SandboxOperated(_)
        | Fact::ResponseRequested(_)
        | Fact::ResponseRemoved(_)
        | Fact::TurnWaiting(_)
        | Fact::TurnResumed(_)
        | Fact::EffectAttempted(_)
        | Fact::EffectCompleted(_)
        | Fact::EffectFailed(_)
        | Fact::EffectUnknown(_)
        | Fact::ApprovalResolved(_)
        | Fact::CallRefused(_) => false,
    }
}

/// A stretch of the journal.
struct Window<'a> {
    store: &'a dyn Store,
    journal: &'a JournalId,
    turn: Option<&'a TurnId>,
    agent: &'a str,
    /// The stretch lies behind this entry …
    low: Seq,
    /// … and does not go beyond this one.
    high: Seq,
    facts: VecDeque<Fact>,
    is_cut: bool,
}

impl<'a> Window<'a> {
    fn new(store: &'a dyn Store, journal: &'a JournalId, query: &'a ItemQuery) -> Self {
        let turn = query.turn.as_ref();
        Self {
            store,
            journal,
            agent: &query.agent,
            turn: turn.map(|span| &span.id),
            low: turn.map_or(0, |span| span.first_seq.saturating_sub(1)),
            high: turn.and_then(|span| span.last_seq).unwrap_or(Seq::MAX),
            facts: VecDeque::new(),
            is_cut: false,
        }
    }

    /// Reads the entries before `before`: until there are more items than `limit` asks for, then to
    /// the next place where no call is open.
    async fn read_down(&mut self, before: Seq, limit: Option<usize>) -> Result<(), ApiError> {
        let mut at = before.min(self.high.saturating_add(1));
        let mut missing = Missing::new(limit);
        loop {
            let range = EntryRange {
                after: at,
                direction: Direction::Descending,
                limit_count: ENTRY_PAGE_COUNT,
            };
            let page = self.page(range).await?;
            let Some(last) = page.last().map(|entry| entry.seq) else { return Ok(()) };
            for entry in page {
                if entry.seq <= self.low {
                    return Ok(());
                }
                let fact = read(&entry)?;
                // The cursor's own entry may hold nothing that comes before the cursor.
                if entry.seq + 1 < before {
                    missing.take(&fact, self.turn);
                }
                let is_boundary = is_boundary(&fact);
                self.facts.push_front(fact);
                if self.is_enough(is_boundary && missing.is_none()) {
                    return Ok(());
                }
            }
            at = last;
        }
    }

    /// Reads the entries behind `after`, likewise.
    async fn read_up(&mut self, after: Seq, limit: Option<usize>) -> Result<(), ApiError> {
        let mut at = after.max(self.low);
        let mut missing = Missing::new(limit);
        loop {
            let page = self.page(EntryRange::following(at, ENTRY_PAGE_COUNT)).await?;
            let Some(last) = page.last().map(|entry| entry.seq) else { return Ok(()) };
            for entry in page {
                if entry.seq > self.high {
                    return Ok(());
                }
                let fact = read(&entry)?;
                // What the boundary itself brings belongs to the next page.
                if self.is_enough(is_boundary(&fact) && missing.is_none()) {
                    return Ok(());
                }
                missing.take(&fact, self.turn);
                self.facts.push_back(fact);
            }
            at = last;
        }
    }

    async fn page(&self, range: EntryRange) -> Result<Vec<mainstay_protocol::Entry>, ApiError> {
        self.store.entries(self.journal, range).await.map_err(|error| store_error(&error))
    }

    fn is_enough(&mut self, is_complete: bool) -> bool {
        self.is_cut |= !is_complete && self.facts.len() >= MAX_PAGE_ENTRIES;
        is_complete || self.is_cut
    }

    /// The items of the stretch, oldest first.
    fn items(self) -> Vec<wire::Item> {
        let mut list = ItemFold { agent: self.agent, ..ItemFold::default() };
        for fact in &self.facts {
            list.take(fact);
        }
        let turn = self.turn.map(TurnId::as_str);
        let mut items = list.items;
        items.retain(|item| turn.is_none_or(|turn| item.turn_id() == turn));
        items
    }
}

/// How many more items a page wants: one more than it shows, to know whether there is another page.
struct Missing(usize);

impl Missing {
    fn new(limit: Option<usize>) -> Self {
        Self(limit.map_or(0, |limit| limit + 1))
    }

    fn take(&mut self, fact: &Fact, turn: Option<&TurnId>) {
        let is_listed = |item: &&Item| {
            // Whether an output is an item of its own is not known from it alone.
            let is_own =
                !matches!(item.body, ItemBody::ToolOutput { .. } | ItemBody::Summary { .. });
            is_own && turn.is_none_or(|turn| item.turn == *turn)
        };
        self.0 = self.0.saturating_sub(brought(fact).filter(is_listed).count());
    }

    fn is_none(&self) -> bool {
        self.0 == 0
    }
}

/// The fold from facts to items.
#[derive(Default)]
struct ItemFold<'a> {
    agent: &'a str,
    items: Vec<wire::Item>,
    calls: OpenCalls,
    places: HashMap<ItemId, usize>,
    /// Whether the user has spoken since the model was asked last.
    is_steered: bool,
}

impl ItemFold<'_> {
    fn take(&mut self, fact: &Fact) {
        if let Some(end) = CallEnd::of(fact) {
            self.call_ended(&end);
            return;
        }
        match fact {
            Fact::InputReceived(fact) => {
                self.is_steered |= fact.disposition == Disposition::Steers;
                for item in &fact.items {
                    if let ItemBody::UserMessage { content } = &item.body {
                        self.items.push(item::user_message(item, content));
                    }
                }
            }
            Fact::EffectCompleted(fact) => {
                if let Outcome::Model { items, stop, .. } = &fact.outcome {
                    self.reply(items, ReplyView::of(items, *stop, self.is_steered));
                }
            }
            Fact::EffectRequested(fact) => {
                let is_model = matches!(fact.request, EffectRequest::Model { .. });
                self.is_steered &= !is_model;
            }
            Fact::TurnEnded(_) | Fact::SessionFailed(_) => {
                self.calls.clear();
                self.is_steered = false;
            }
            _ => {}
        }
    }

    fn reply(&mut self, items: &[Item], view: ReplyView) {
        self.calls.open(items);
        for (index, item) in items.iter().enumerate() {
            let (id, turn, status) = (item.id.as_str(), item.turn.as_str(), view.status(index));
            let shown = match &item.body {
                ItemBody::AssistantMessage { text } => {
                    item::assistant_message(id, turn, Some(text), status, Some(view.phase()))
                }
                ItemBody::Reasoning { summary, .. } => {
                    item::reasoning(id, turn, Some(summary), status)
                }
                ItemBody::ToolCall { .. } => match CallView::of(item) {
                    Some(call) => {
                        self.places.insert(item.id.clone(), self.items.len());
                        item::call(self.agent, &call, None)
                    }
                    None => continue,
                },
                ItemBody::UserMessage { .. }
                | ItemBody::DeveloperMessage { .. }
                | ItemBody::Foreign { .. }
                | ItemBody::ToolOutput { .. }
                | ItemBody::Summary { .. } => {
                    continue;
                }
            };
            self.items.push(shown);
        }
    }

    fn call_ended(&mut self, end: &CallEnd) {
        let Some((call, _)) = self.calls.close(end) else { return };
        if let Some(place) = self.places.get(&call.item_id) {
            self.items[*place] = item::call(self.agent, &call, Some(end));
        }
        if call.is_clients() && end.is_shown() {
            self.items.push(item::call_output(&call, end));
        }
    }
}
