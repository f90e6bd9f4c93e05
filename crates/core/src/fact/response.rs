//! What entries say of requests of the Responses API, and of items without a turn.

use mainstay_protocol::{ItemId, ResponseId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::item::Item;

/// See [`super::Fact::ResponseRequested`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResponseRequested {
    /// Its id.
    pub response: ResponseId,
    /// The response that it follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<ResponseId>,
    /// What the wire API wants repeated and the runtime does not interpret.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub wire: Value,
}

/// See [`super::Fact::ResponseRemoved`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResponseRemoved {
    /// Its id.
    pub response: ResponseId,
}

/// See [`super::Fact::ItemsAdded`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemsAdded {
    /// The items; they have a turn's id of their own, which no turn has.
    pub items: Vec<Item>,
}

/// See [`super::Fact::ItemRemoved`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemRemoved {
    /// The item.
    pub item: ItemId,
}
