//! Items as a list that is shared from its end.
//!
//! Invariant: immutable once shared; a clone is a pointer. A step clones the state it starts from,
//! so this is what keeps the cost of a step independent of the length of the session.

use std::sync::Arc;

use mainstay_protocol::{CallId, ItemId};

use super::call_ids::CallIds;
use crate::item::{Content, Item, ItemBody};

/// What an image counts for in the estimate of a context's size.
const IMAGE_BYTES: usize = 4_000;

/// Items, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Transcript {
    last: Option<Arc<Node>>,
    call_ids: CallIds,
}

#[derive(Debug)]
struct Node {
    item: Arc<Item>,
    before: Option<Arc<Self>>,
    len: usize,
    bytes: u64,
}

impl Transcript {
    /// Adds an item.
    pub fn push(&mut self, item: Arc<Item>) {
        if let ItemBody::ToolCall { call_id, .. } = &item.body {
            self.call_ids.add(call_id);
        }
        let (len, bytes) = (self.len() + 1, self.bytes() + item_bytes(&item));
        self.last = Some(Arc::new(Node { item, before: self.last.take(), len, bytes }));
    }

    /// Takes an item out, if it is there. Costs what all of the items cost.
    pub(in crate::session) fn remove(&mut self, id: &ItemId) {
        let items = self.items();
        let Some(at) = items.iter().position(|item| item.id == *id) else { return };
        let call_ids = std::mem::take(&mut self.call_ids);
        *self = Self { last: None, call_ids };
        for (index, item) in items.into_iter().enumerate() {
            if index != at {
                self.push(item);
            }
        }
    }

    /// How many items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.last.as_ref().map_or(0, |node| node.len)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// Bytes of text, all items together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.last.as_ref().map_or(0, |node| node.bytes)
    }

    /// The first `count` items.
    #[must_use]
    pub fn first(&self, count: usize) -> Vec<Arc<Item>> {
        let mut items = Vec::with_capacity(count.min(self.len()));
        let mut node = self.last.as_ref();
        while let Some(current) = node {
            if current.len <= count {
                items.push(current.item.clone());
            }
            node = current.before.as_ref();
        }
        items.reverse();
        items
    }

    /// Whether a call has this id; a wrong yes is possible and rare.
    #[must_use]
    pub fn may_hold_call(&self, id: &CallId) -> bool {
        self.call_ids.may_hold(id)
    }

    /// The latest item that fits; looks from the end.
    pub fn find_last(&self, fits: impl Fn(&Item) -> bool) -> Option<Arc<Item>> {
        let mut node = self.last.as_ref();
        while let Some(current) = node {
            if fits(&current.item) {
                return Some(current.item.clone());
            }
            node = current.before.as_ref();
        }
        None
    }

    /// All items.
    #[must_use]
    pub fn items(&self) -> Vec<Arc<Item>> {
        self.first(self.len())
    }

    /// Replaces the first `count` items by one.
    pub fn replace_first(&mut self, count: usize, item: Arc<Item>) {
        let kept = self.items().split_off(count.min(self.len()));
        let mut fresh = Self::default();
        fresh.push(item);
        for item in kept {
            fresh.push(item);
        }
        *self = fresh;
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Dropping a long list node by node, not by recursion: the stack is not that deep.
        let mut before = self.before.take();
        while let Some(node) = before {
            before = match Arc::try_unwrap(node) {
                Ok(mut alone) => alone.before.take(),
                Err(_) => None,
            };
        }
    }
}

impl PartialEq for Transcript {
    fn eq(&self, other: &Self) -> bool {
        self.items() == other.items()
    }
}

/// What an item counts for in the estimate of a context's size.
#[must_use]
pub fn item_bytes(item: &Item) -> u64 {
    const PER_ITEM_BYTES: usize = 16;
    let content = |parts: &[Content]| -> usize {
        parts
            .iter()
            .map(|part| match part {
                Content::Text { text } => text.len(),
                Content::Image { .. } => IMAGE_BYTES,
            })
            .sum()
    };
    let bytes = match &item.body {
        ItemBody::UserMessage { content: parts }
        | ItemBody::DeveloperMessage { content: parts, .. }
        | ItemBody::ToolOutput { content: parts, .. } => content(parts),
        ItemBody::AssistantMessage { text } | ItemBody::Summary { text } => text.len(),
        ItemBody::Reasoning { summary, .. } => summary.len(),
        ItemBody::ToolCall { name, arguments, .. } => name.len() + arguments.len(),
        ItemBody::Foreign { .. } => 0,
    };
    (bytes + PER_ITEM_BYTES) as u64
}
