//! A committed entry as followers get it.
//!
//! Invariant: the fact is what the entry's payload says, to the last digit. Where this process made the
//! entry just now it may be at hand; else whoever wants to know reads the payload.

use std::borrow::Cow;
use std::ops::Deref;

use mainstay_core::effect::Outcome;
use mainstay_core::fact::Fact;
use mainstay_core::item::{Item, ItemBody};
use mainstay_protocol::{ApiError, Entry, ErrorCode};

/// See the module.
#[derive(Debug, Clone)]
pub struct Told {
    entry: Entry,
    fact: Option<Fact>,
}

impl Told {
    pub(super) fn new(entry: Entry, fact: Fact) -> Self {
        Self { entry, fact: reads_back_alike(&fact).then_some(fact) }
    }

    pub(super) fn read_back(entry: Entry) -> Self {
        Self { entry, fact: None }
    }

    /// What the entry says.
    pub fn fact(&self) -> Result<Cow<'_, Fact>, ApiError> {
        if let Some(fact) = &self.fact {
            return Ok(Cow::Borrowed(fact));
        }
        let read = Fact::read(&self.entry).map(Cow::Owned);
        read.map_err(|error| ApiError::new(ErrorCode::EntryUnknown, error.to_string()))
    }
}

impl Deref for Told {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        &self.entry
    }
}

/// Whether reading the payload gives this very fact. JSON that came from elsewhere may change in writing:
/// canonically, 1.0 is 1.
fn reads_back_alike(fact: &Fact) -> bool {
    match fact {
        Fact::TurnStarted(_)
        | Fact::TurnEnded(_)
        | Fact::EffectRequested(_)
        | Fact::EffectAttempted(_) => true,
        Fact::InputReceived(fact) => fact.items.iter().all(is_text),
        Fact::EffectCompleted(fact) => match &fact.outcome {
            Outcome::Model { items, .. } => items.iter().all(is_text),
            Outcome::Tool { item, .. } => is_text(item),
            Outcome::Tools { .. } | Outcome::Compacted { .. } | Outcome::Checkpoint { .. } => false,
        },
        _ => false,
    }
}

/// Whether an item holds no JSON but texts.
fn is_text(item: &Item) -> bool {
    match &item.body {
        ItemBody::Reasoning { provider_data, .. } => provider_data.is_none(),
        ItemBody::Foreign { .. } => false,
        ItemBody::UserMessage { .. }
        | ItemBody::DeveloperMessage { .. }
        | ItemBody::AssistantMessage { .. }
        | ItemBody::ToolCall { .. }
        | ItemBody::ToolOutput { .. }
        | ItemBody::Summary { .. } => true,
    }
}
