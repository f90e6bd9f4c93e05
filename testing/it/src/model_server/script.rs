//! Scripts: what the model answers, step by step, carried by the user's message.
//!
//! Invariant: which step is next follows from the number of tool outputs after the script.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A script. The user's message is its JSON text and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The model's answers. After the last of them it says `done`.
    pub script: Vec<Step>,
}

/// One answer of the model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    /// Reasoning to show before everything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// Text for the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Tools to call, all at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Call>,
    /// How often this step comes before the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat: Option<usize>,
    /// How long the model thinks.
    #[serde(skip_serializing_if = "is_zero")]
    pub delay_ms: u64,
    /// In how many deltas the text comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pieces: Option<usize>,
    /// How long it waits after each delta.
    #[serde(skip_serializing_if = "is_zero")]
    pub piece_delay_ms: u64,
    /// Why it stops.
    #[serde(skip_serializing_if = "Finish::is_stop")]
    pub finish: Finish,
    /// What goes wrong first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// One tool call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The tool.
    pub name: String,
    /// Its arguments; a string is sent as it is, JSON or not.
    pub arguments: Value,
}

/// Why an answer ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// It is complete.
    #[default]
    Stop,
    /// A bound on tokens was reached.
    Length,
    /// It was filtered.
    ContentFilter,
}

impl Finish {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_stop(&self) -> bool {
        *self == Self::Stop
    }
}

/// What goes wrong before a step is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What.
    pub kind: FaultKind,
    /// For how many calls with the same idempotency key; for all of them when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// The status of [`FaultKind::Status`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The error's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// When the client is told to come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// A way to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// An HTTP status that is not a success.
    Status,
    /// A stream of something that is not the API.
    Garbage,
    /// The connection ends in the middle of the answer.
    Cut,
    /// Nothing comes at all until the client gives up.
    Hang,
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

impl Script {
    /// A script of these steps.
    #[must_use]
    pub fn new(script: Vec<Step>) -> Self {
        Self { script }
    }

    /// The user's message that carries this script.
    #[must_use]
    pub fn to_message(&self) -> String {
        serde_json::to_string(self).expect("a script has text keys")
    }

    /// The step that follows after so many tool outputs; none when the script is over.
    pub(super) fn step_after(&self, outputs: usize) -> Option<&Step> {
        let mut left = outputs;
        self.script.iter().find(|step| {
            let span = step.calls.len() * step.repeat.unwrap_or(1);
            // A step without calls ends the turn, so nothing comes after it.
            let is_next = span == 0 || left < span;
            left = left.saturating_sub(span);
            is_next
        })
    }
}

impl Step {
    /// An answer to the user.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }

    /// One call of a tool.
    pub fn call(name: impl Into<String>, arguments: Value) -> Self {
        Self { calls: vec![Call { name: name.into(), arguments }], ..Self::default() }
    }
}
