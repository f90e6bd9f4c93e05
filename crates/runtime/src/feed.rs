//! The feed: committed entries in order from any position, and token deltas while they last.
//!
//! Invariant: entries come without gap or duplicate, because what the live channel loses is read
//! from the store. Deltas are not journalled: each carries its item and offset, a follower that
//! comes late gets the text so far, and a slow one is given what it lost once more, in one piece.

mod output;
mod told;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use mainstay_core::fact::Fact;
use mainstay_core::port::PartKind;
use mainstay_protocol::{ApiError, EffectId, Entry, ItemId, JournalId, Seq, SessionId, TurnId};
use mainstay_store::{EntryRange, Store, StoreError};
use tokio::sync::broadcast;

pub use self::output::OutputDelta;
pub(crate) use self::output::{Characters, LiveCall};
pub use self::told::Told;

/// How many items a follower may lag before it reads from the store.
const LIVE_LIMIT_COUNT: usize = 32;
/// How many entries are read from the store at once.
const PAGE_LIMIT_COUNT: usize = 128;
/// The longest partial text kept for late followers.
const PARTIAL_LIMIT_BYTES: usize = 256 * 1024;

/// Where a follower starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowFrom {
    /// Before everything, of a session that is not made yet.
    Unmade,
    /// Behind the last entry there is now.
    Live,
    /// Behind this entry.
    After(Seq),
}

/// A piece of an output that is still being made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    /// The turn.
    pub turn: TurnId,
    /// The item it belongs to; the id that the item will have.
    pub item: ItemId,
    /// The item's position among the turn's outputs.
    pub output_index: u32,
    /// What the text is.
    pub kind: PartKind,
    /// The text.
    pub text: String,
    /// Bytes of the item's text before this piece.
    pub offset: usize,
}

/// What a follower sees.
#[derive(Debug, Clone)]
pub enum FeedItem {
    /// A committed entry.
    Entry(Arc<Told>),
    /// A piece of an output that is still being made.
    Delta(Arc<Delta>),
    /// A piece of what a tool prints while it runs.
    Output(Arc<OutputDelta>),
}

/// One follower's view.
pub struct Feed {
    store: Arc<dyn Store>,
    journal: JournalId,
    hubs: Arc<Hubs>,
    session: SessionId,
    live: broadcast::Receiver<FeedItem>,
    ready: VecDeque<FeedItem>,
    /// The last entry handed out.
    at: Seq,
    head: Seq,
    /// Whether the store may hold entries that were neither handed out nor will come live.
    is_behind: bool,
}

impl Feed {
    /// Whose entries they are.
    #[must_use]
    pub fn session(&self) -> &SessionId {
        &self.session
    }

    /// The last entry's position when the follower attached.
    #[must_use]
    pub fn head(&self) -> Seq {
        self.head
    }

    /// The next entry or delta; none once the engine has stopped.
    pub async fn next(&mut self) -> Option<Result<FeedItem, ApiError>> {
        loop {
            if self.is_behind && !self.has_ready_entry() {
                match self.read_page().await {
                    Ok(()) => {}
                    Err(error) => return Some(Err(ApiError::new(error.code(), error.to_string()))),
                }
            }
            if let Some(item) = self.ready.pop_front() {
                match self.take(item) {
                    Some(item) => return Some(Ok(item)),
                    None => continue,
                }
            }
            match self.live.recv().await {
                Ok(item) => self.ready.push_back(item),
                Err(broadcast::error::RecvError::Lagged(_)) => {
                    self.is_behind = true;
                    self.ready.extend(self.hubs.under_way(&self.session));
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// Takes back the entry that was handed out last.
    pub fn put_back(&mut self, entry: Arc<Told>) {
        self.at = entry.seq - 1;
        self.ready.push_front(FeedItem::Entry(entry));
    }

    fn has_ready_entry(&self) -> bool {
        self.ready.iter().any(|item| matches!(item, FeedItem::Entry(_)))
    }

    async fn read_page(&mut self) -> Result<(), StoreError> {
        let range = EntryRange::following(self.at, PAGE_LIMIT_COUNT);
        let page = self.store.entries(&self.journal, range).await?;
        self.is_behind = page.len() == PAGE_LIMIT_COUNT;
        // Entries first: what waits in `ready` was sent after them or is among them.
        for entry in page.into_iter().rev() {
            self.ready.push_front(FeedItem::Entry(Arc::new(Told::read_back(entry))));
        }
        Ok(())
    }

    /// Hands an item out unless it was handed out already; notices a gap.
    fn take(&mut self, item: FeedItem) -> Option<FeedItem> {
        let FeedItem::Entry(entry) = &item else { return Some(item) };
        if entry.seq <= self.at {
            return None;
        }
        if entry.seq > self.at + 1 {
            self.is_behind = true;
            return None;
        }
        self.at = entry.seq;
        Some(item)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.hubs.left(&self.session);
    }
}

/// The live channels of sessions that are followed or streaming.
#[derive(Default)]
pub(crate) struct Hubs {
    hubs: Mutex<HashMap<SessionId, Hub>>,
}

struct Hub {
    sender: broadcast::Sender<FeedItem>,
    followers: usize,
    partials: BTreeMap<ItemId, Delta>,
    outputs: BTreeMap<EffectId, OutputDelta>,
}

impl Hub {
    fn new() -> Self {
        Self {
            sender: broadcast::channel(LIVE_LIMIT_COUNT).0,
            followers: 0,
            partials: BTreeMap::new(),
            outputs: BTreeMap::new(),
        }
    }

    fn is_idle(&self) -> bool {
        self.followers == 0 && self.partials.is_empty() && self.outputs.is_empty()
    }

    /// Everything that is being made, from its beginning.
    fn under_way(&self) -> VecDeque<FeedItem> {
        let partials = self.partials.values().cloned().map(Arc::new).map(FeedItem::Delta);
        let outputs = self.outputs.values().cloned().map(Arc::new).map(FeedItem::Output);
        partials.chain(outputs).collect()
    }
}

impl Hubs {
    fn with<R>(&self, session: &SessionId, f: impl FnOnce(&mut Hub) -> R) -> R {
        let mut hubs = self.hubs.lock().expect("no code panics while it holds the hubs");
        let hub = hubs.entry(session.clone()).or_insert_with(Hub::new);
        let result = f(hub);
        if hub.is_idle() {
            hubs.remove(session);
        }
        result
    }

    /// Shows committed entries, and the facts they were made of, to those who follow.
    pub(crate) fn publish(
        &self,
        session: &SessionId,
        entries: Vec<Entry>,
        facts: impl Iterator<Item = Fact>,
    ) {
        let hubs = self.hubs.lock().expect("no code panics while it holds the hubs");
        let Some(hub) = hubs.get(session).filter(|hub| hub.followers > 0) else { return };
        for (entry, fact) in entries.into_iter().zip(facts) {
            // Nobody listening is no error.
            let _ = hub.sender.send(FeedItem::Entry(Arc::new(Told::new(entry, fact))));
        }
    }

    /// Shows a piece of an output, and keeps it for late followers.
    pub(crate) fn delta(&self, session: &SessionId, mut delta: Delta) {
        self.with(session, |hub| {
            let partial = hub.partials.entry(delta.item.clone()).or_insert_with(|| Delta {
                text: String::new(),
                offset: 0,
                ..delta.clone()
            });
            delta.offset = partial.offset + partial.text.len();
            if partial.text.len() + delta.text.len() <= PARTIAL_LIMIT_BYTES {
                partial.text.push_str(&delta.text);
            } else {
                // Too long to repeat: late followers get the rest only.
                partial.offset = delta.offset + delta.text.len();
                partial.text.clear();
            }
            if hub.followers > 0 {
                let _ = hub.sender.send(FeedItem::Delta(Arc::new(delta)));
            }
        });
    }

    /// Shows a piece of what a tool prints, and keeps it for late followers. What is more than may be
    /// shown is left to the outcome.
    pub(crate) fn output(&self, session: &SessionId, mut delta: OutputDelta) {
        self.with(session, |hub| {
            let empty = || OutputDelta { text: String::new(), offset: 0, ..delta.clone() };
            let kept = hub.outputs.entry(delta.effect.clone()).or_insert_with(empty);
            delta.offset = kept.text.len();
            let shown = output::fitting(&delta.text, output::SHOWN_LIMIT_BYTES - delta.offset);
            kept.text.push_str(shown);
            delta.text.truncate(shown.len());
            if hub.followers > 0 && !delta.text.is_empty() {
                let _ = hub.sender.send(FeedItem::Output(Arc::new(delta)));
            }
        });
    }

    /// Forgets what an attempt of a tool call printed.
    pub(crate) fn settle_output(&self, session: &SessionId, effect: &EffectId) {
        let mut hubs = self.hubs.lock().expect("no code panics while it holds the hubs");
        let Some(hub) = hubs.get_mut(session) else { return };
        hub.outputs.remove(effect);
        if hub.is_idle() {
            hubs.remove(session);
        }
    }

    fn under_way(&self, session: &SessionId) -> VecDeque<FeedItem> {
        self.with(session, |hub| hub.under_way())
    }

    /// Forgets the pieces of a model call that ended, however it ended.
    pub(crate) fn settle(&self, session: &SessionId, items: &[ItemId]) {
        if items.is_empty() {
            return;
        }
        self.with(session, |hub| {
            for item in items {
                hub.partials.remove(item);
            }
        });
    }

    /// Attaches a follower.
    pub(crate) async fn follow(
        self: &Arc<Self>,
        store: &Arc<dyn Store>,
        session: &SessionId,
        from: FollowFrom,
    ) -> Result<Feed, StoreError> {
        let journal: JournalId = session.as_str().into();
        // Subscribed before the head is read: what is committed between comes live or is read.
        let (live, ready) = self.with(session, |hub| {
            hub.followers += 1;
            (hub.sender.subscribe(), hub.under_way())
        });
        let mut feed = Feed {
            store: store.clone(),
            journal: journal.clone(),
            hubs: self.clone(),
            session: session.clone(),
            live,
            ready,
            at: 0,
            head: 0,
            is_behind: true,
        };
        if from == FollowFrom::Unmade {
            feed.is_behind = false;
            return Ok(feed);
        }
        let newest = EntryRange {
            after: Seq::MAX,
            direction: mainstay_store::Direction::Descending,
            limit_count: 1,
        };
        let head = store.entries(&journal, newest).await?.first().map_or(0, |entry| entry.seq);
        feed.head = head;
        feed.at = match from {
            FollowFrom::Unmade => 0,
            FollowFrom::Live => head,
            FollowFrom::After(seq) => seq.min(head),
        };
        feed.is_behind = feed.at < head;
        Ok(feed)
    }

    fn left(&self, session: &SessionId) {
        self.with(session, |hub| hub.followers = hub.followers.saturating_sub(1));
    }

    /// How many followers there are.
    pub(crate) fn followers(&self) -> u64 {
        let hubs = self.hubs.lock().expect("no code panics while it holds the hubs");
        hubs.values().map(|hub| hub.followers as u64).sum()
    }

    /// Ends every feed.
    pub(crate) fn close(&self) {
        self.hubs.lock().expect("no code panics while it holds the hubs").clear();
    }
}
