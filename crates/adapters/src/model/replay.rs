//! A recorded session that answers instead of a model.
//!
//! Invariant: the answer depends on the transcript alone, so that a call made again after a crash
//! gets the same answer; what was not recorded is refused in plain words. Deliberately absent: any
//! likeness to a model beyond that. It is for demonstrations and says so.

use std::path::Path;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use mainstay_core::item::{Content, ItemBody};
use mainstay_core::port::{
    Model, ModelCapabilities, ModelOutput, ModelPart, ModelReply, ModelRequest, ModelStream,
    PartKind, StopReason,
};
use mainstay_protocol::Usage;
use serde::{Deserialize, Serialize};

/// Context that is claimed: a recording needs none.
const CONTEXT_TOKENS: u64 = 128_000;
/// Bound on one answer that is claimed.
const MAX_OUTPUT_TOKENS: u64 = 16_384;
/// What is said when the recording has no answer.
const NOTHING_RECORDED: &str = "This is a recorded session without a model behind it, and it has no \
    answer to this. Configure a model to talk to one.";

/// A recording that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("read the recorded session {path}")]
pub struct ReplayError {
    path: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// A recorded session: what a model answered, step by step, in one turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// Where it comes from, for people.
    pub about: String,
    /// The model that answered.
    pub model: String,
    /// What the user said; nothing else has an answer.
    pub input: String,
    /// The model's answers, in order.
    pub replies: Vec<RecordedReply>,
}

/// One answer of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedReply {
    /// What it produced.
    pub outputs: Vec<RecordedOutput>,
    /// Tokens.
    #[serde(default)]
    pub usage: Usage,
}

/// One output of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum RecordedOutput {
    /// Text for the user.
    Message {
        /// The text.
        text: String,
    },
    /// A tool call.
    ToolCall {
        /// The tool.
        name: String,
        /// JSON text.
        arguments: String,
    },
}

impl RecordedReply {
    fn calls(&self) -> usize {
        self.outputs
            .iter()
            .filter(|output| matches!(output, RecordedOutput::ToolCall { .. }))
            .count()
    }
}

/// A recording as a model.
#[derive(Debug, Clone)]
pub struct ReplayModel {
    recording: Arc<Recording>,
}

impl ReplayModel {
    /// A recording as a model.
    #[must_use]
    pub fn new(recording: Recording) -> Self {
        Self { recording: Arc::new(recording) }
    }

    /// The recording in a file.
    pub fn open(path: &Path) -> Result<Self, ReplayError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| ReplayError {
            path: path.display().to_string(),
            source,
        };
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.into()))?;
        Ok(Self::new(serde_json::from_str(&text).map_err(|error| failed(error.into()))?))
    }

    /// The answer to this transcript: the first turn's, as far as it got.
    fn reply(&self, request: &ModelRequest) -> ModelReply {
        let bodies = || request.items.iter().map(|item| &item.body);
        let mut asked = bodies().filter_map(|body| match body {
            ItemBody::UserMessage { content } => Some(content),
            _ => None,
        });
        let is_recorded = asked.next().is_some_and(|content| {
            matches!(content.as_slice(), [Content::Text { text }] if *text == self.recording.input)
        }) && asked.next().is_none();
        let mut answered =
            bodies().filter(|body| matches!(body, ItemBody::ToolCall { .. })).count();
        let mut replies = self.recording.replies.iter().filter(|_| is_recorded);
        let recorded = loop {
            let Some(reply) = replies.next() else { break None };
            if answered == 0 {
                break Some(reply);
            }
            answered = answered.saturating_sub(reply.calls());
        };
        let text = || vec![ModelOutput::Message { text: NOTHING_RECORDED.to_owned() }];
        ModelReply {
            outputs: recorded.map_or_else(text, |reply| {
                reply
                    .outputs
                    .iter()
                    .enumerate()
                    .map(|(index, it)| output(it, request, index))
                    .collect()
            }),
            usage: recorded.map(|reply| reply.usage).unwrap_or_default(),
            model: format!("{} (recorded)", self.recording.model),
            stop: StopReason::End,
        }
    }
}

fn output(recorded: &RecordedOutput, request: &ModelRequest, index: usize) -> ModelOutput {
    match recorded {
        RecordedOutput::Message { text } => ModelOutput::Message { text: text.clone() },
        RecordedOutput::ToolCall { name, arguments } => ModelOutput::ToolCall {
            call_id: format!("call_{}_{index}", request.effect),
            name: name.clone(),
            arguments: arguments.clone(),
        },
    }
}

impl Model for ReplayModel {
    fn capabilities(&self) -> ModelCapabilities {
        ModelCapabilities {
            context_tokens: CONTEXT_TOKENS,
            max_output_tokens: MAX_OUTPUT_TOKENS,
            tools: true,
            images: true,
        }
    }

    fn stream(&self, request: ModelRequest) -> ModelStream {
        let reply = self.reply(&request);
        let mut parts = Vec::new();
        for (index, output) in (0..).zip(&reply.outputs) {
            let (kind, text) = match output {
                ModelOutput::Message { text } => (PartKind::Text, text),
                ModelOutput::ToolCall { arguments, .. } => (PartKind::Arguments, arguments),
                ModelOutput::Reasoning { summary, .. } => (PartKind::Reasoning, summary),
            };
            let words = text.split_inclusive(' ');
            parts.extend(words.map(|word| ModelPart::Delta { index, kind, text: word.to_owned() }));
        }
        parts.push(ModelPart::Done(reply));
        stream::iter(parts.into_iter().map(Ok)).boxed()
    }
}

#[cfg(test)]
#[path = "replay_tests.rs"]
mod tests;
