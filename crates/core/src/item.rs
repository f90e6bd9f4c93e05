//! Items: what a client sees of a turn, and what the transcript is made of.
//!
//! Invariant: an item's id names the entry that announced it (`item_<seq>_<attempt>_<index>_…`, seq
//! in hexadecimal), so that a page cursor finds its place without an index.

use mainstay_protocol::{CallId, ItemId, Seq, TurnId};
use serde::{Deserialize, Serialize};

/// A piece of a message or tool output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Content {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// An image.
    Image {
        /// An `https:` or `data:` URL.
        url: String,
    },
}

/// One item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Its id.
    pub id: ItemId,
    /// The turn it belongs to.
    pub turn: TurnId,
    /// Position among the turn's outputs; none for inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_index: Option<u32>,
    /// What it is.
    pub body: ItemBody,
}

/// What an item is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ItemBody {
    /// From the user.
    UserMessage {
        /// Its parts.
        content: Vec<Content>,
    },
    /// From the application, above what the user says.
    DeveloperMessage {
        /// As whom it speaks.
        role: DeveloperRole,
        /// Its parts.
        content: Vec<Content>,
    },
    /// From the model, for the user.
    AssistantMessage {
        /// Its text.
        text: String,
    },
    /// The model's reasoning.
    Reasoning {
        /// What may be shown.
        summary: String,
        /// What the provider wants back in later requests.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_data: Option<serde_json::Value>,
    },
    /// The model wants a tool called.
    ToolCall {
        /// Names the call in its output.
        call_id: CallId,
        /// The tool.
        name: String,
        /// The arguments as the model wrote them (JSON text when they are JSON).
        arguments: String,
        /// Who runs it: none is the client, else the label of the tool source.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
    },
    /// What a tool call gave.
    ToolOutput {
        /// The call.
        call_id: CallId,
        /// What the model reads.
        content: Vec<Content>,
        /// Whether the call failed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
    },
    /// What became of earlier items: the summary that replaces them.
    Summary {
        /// The summary.
        text: String,
    },
    /// Kept for the client as it came; no model here can be given it.
    Foreign {
        /// The client's item.
        value: serde_json::Value,
    },
}

/// As whom an application speaks to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeveloperRole {
    /// `developer`.
    Developer,
    /// `system`.
    System,
}

/// The id of an item announced by entry `seq`. `tail` is the end of an id that is unique to the
/// effect or turn.
#[must_use]
pub fn item_id(seq: Seq, attempt: u32, index: usize, tail: &str) -> ItemId {
    let tail: String = tail.chars().rev().take(8).collect::<Vec<_>>().into_iter().rev().collect();
    ItemId::parse(&format!("item_{seq:x}_{attempt}_{index}_{tail}")).expect("made of plain parts")
}

/// The `seq` that an id made by [`item_id`] names.
#[must_use]
pub fn item_seq(id: &ItemId) -> Option<Seq> {
    let rest = id.as_str().strip_prefix("item_")?;
    Seq::from_str_radix(rest.split('_').next()?, 16).ok()
}
