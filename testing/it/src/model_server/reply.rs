//! An answer on its way to the wire: the bytes of its events, in the pieces in which they are sent.
//!
//! Invariant: without delays an answer is one piece, since writing costs the processors that are
//! shared with what is measured.

use std::time::Duration;

use super::script::{Call, Finish, Step};

/// What the server says when a script is over, or there is none.
pub(super) const DONE_TEXT: &str = "done";

/// One answer, with everything its events need.
pub(super) struct Reply<'a> {
    /// Reasoning.
    pub(super) reasoning: Option<&'a str>,
    /// Text.
    pub(super) text: Option<&'a str>,
    /// Calls.
    pub(super) calls: &'a [Call],
    /// Why it ends.
    pub(super) finish: Finish,
    /// In how many deltas the text comes.
    pub(super) pieces: usize,
    /// What call ids are made of; the same for every attempt of one call.
    pub(super) identity: u64,
    /// Tokens said to be in the prompt.
    pub(super) input_tokens: usize,
}

/// Bytes to send, then a wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    pub(super) wait: Duration,
}

impl<'a> Reply<'a> {
    /// The answer of a step; none is the end of a script.
    pub(super) fn new(step: Option<&'a Step>, identity: u64, body_bytes: usize) -> Self {
        let text = match step {
            Some(step) if !step.calls.is_empty() => step.text.as_deref(),
            Some(step) => Some(step.text.as_deref().unwrap_or(DONE_TEXT)),
            None => Some(DONE_TEXT),
        };
        Self {
            reasoning: step.and_then(|step| step.reasoning.as_deref()),
            text,
            calls: step.map_or(&[], |step| &step.calls),
            finish: step.map_or(Finish::Stop, |step| step.finish),
            pieces: step.and_then(|step| step.pieces).unwrap_or(1).max(1),
            identity,
            input_tokens: body_bytes / 4,
        }
    }

    /// Tokens said to be in the answer.
    pub(super) fn output_tokens(&self) -> usize {
        1 + self.text.map_or(0, |text| text.len() / 4) + self.calls.len() * 8
    }

    /// The text in its deltas.
    pub(super) fn text_deltas(&self) -> Vec<String> {
        let text = self.text.unwrap_or_default();
        if self.pieces == 1 {
            return vec![text.to_owned()];
        }
        let chars: Vec<char> = text.chars().collect();
        let size = chars.len().div_ceil(self.pieces).max(1);
        chars.chunks(size).map(|chunk| chunk.iter().collect()).collect()
    }

    /// The id of a call.
    pub(super) fn call_id(&self, index: usize) -> String {
        format!("call_{:016x}_{index}", self.identity)
    }
}

/// The arguments of a call as the API sends them: text that should be JSON.
pub(super) fn arguments_text(call: &Call) -> String {
    match &call.arguments {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A text as JSON.
pub(super) fn json(text: &str) -> String {
    serde_json::to_string(text).expect("a text is JSON")
}
