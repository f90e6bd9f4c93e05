//! The answer: the events of a message.
//!
//! Invariant: a message is complete with `message_stop`, or with a reason to stop when a server
//! leaves that event out; thinking keeps its signature.

use mainstay_core::port::{ModelErrorKind, ModelOutput, PartKind, StopReason};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::event::{Block, Delta, Event, MessageObject};
use crate::model::catalogue::TokenCounts;
use crate::model::http::{
    Answer, Decoder, Draft, ErrorText, Fault, Parts, Progress, is_context_too_long,
};

/// The answer so far.
pub(in crate::model) struct MessagesDecoder {
    /// Named in thinking, so that it goes back to this provider alone.
    provider: String,
    draft: Draft,
    /// Which output the block at an index of the message became; none for blocks passed over.
    blocks: Vec<(u64, u32)>,
    stop: Option<StopReason>,
    model: String,
    tokens: TokenCounts,
}

impl MessagesDecoder {
    /// A decoder for an answer of the provider.
    pub(in crate::model) fn new(provider: &str) -> Self {
        Self {
            provider: provider.to_owned(),
            draft: Draft::default(),
            blocks: Vec::new(),
            stop: None,
            model: String::new(),
            tokens: TokenCounts::default(),
        }
    }
}

impl Decoder for MessagesDecoder {
    fn event(&mut self, data: &[u8], parts: &mut Parts) -> Result<Progress, Fault> {
        let event =
            serde_json::from_slice(data).map_err(|_| Fault::garbled("not an event", data))?;
        match event {
            Event::MessageStart { message } => {
                if let Some(usage) = &message.usage {
                    usage.update(&mut self.tokens);
                }
                self.model = message.model;
            }
            Event::ContentBlockStart { index, content_block } => {
                self.open(Some(index), content_block, parts)?;
            }
            Event::ContentBlockDelta { index, delta } => self.grow(index, delta, parts)?,
            Event::MessageDelta { delta, usage } => {
                self.stop = delta.stop_reason.as_deref().map(stop_reason).or(self.stop);
                if let Some(usage) = usage {
                    usage.update(&mut self.tokens);
                }
            }
            Event::MessageStop => return self.end().map(Progress::Done),
            Event::Error { error } => return Err(failed(&error)),
            Event::Other => {}
        }
        Ok(Progress::More)
    }

    fn end(&mut self) -> Result<Answer, Fault> {
        let stop = self.stop.take().ok_or_else(Fault::cut)?;
        let mut outputs = self.draft.finish(stop);
        outputs.iter_mut().for_each(seal);
        let model = std::mem::take(&mut self.model);
        Ok(Answer { outputs, stop, model, tokens: self.tokens })
    }

    fn whole(&mut self, body: &[u8]) -> Result<Answer, Fault> {
        let broken = || Fault::garbled("not a message", body);
        let value: Value = serde_json::from_slice(body).map_err(|_| broken())?;
        if value.get("type").and_then(Value::as_str) == Some("error") {
            return Err(failed(&value));
        }
        let message: MessageObject = serde_json::from_value(value).map_err(|_| broken())?;
        self.stop = Some(stop_reason(&message.stop_reason.ok_or_else(broken)?));
        self.model = message.model;
        if let Some(usage) = message.usage {
            usage.update(&mut self.tokens);
        }
        for block in message.content {
            self.open(None, block, &mut Parts::default())?;
        }
        self.end()
    }

    fn error_kind(&self, status: StatusCode, text: &ErrorText) -> ModelErrorKind {
        error_kind(Some(status), text)
    }
}

impl MessagesDecoder {
    fn open(
        &mut self,
        block_index: Option<u64>,
        block: Block,
        parts: &mut Parts,
    ) -> Result<(), Fault> {
        let (output, kind, first) = match block {
            Block::Text { text } => {
                (ModelOutput::Message { text: text.clone() }, PartKind::Text, text)
            }
            Block::Thinking { thinking, signature } => {
                let provider_data = json!({ "provider": self.provider, "signature": signature });
                let output = ModelOutput::Reasoning {
                    summary: thinking.clone(),
                    provider_data: Some(provider_data),
                };
                (output, PartKind::Reasoning, thinking)
            }
            Block::RedactedThinking { data } => {
                let provider_data = json!({ "provider": self.provider, "redacted": data });
                let output = ModelOutput::Reasoning {
                    summary: String::new(),
                    provider_data: Some(provider_data),
                };
                (output, PartKind::Reasoning, String::new())
            }
            Block::ToolUse { id, name, input } => {
                let arguments = whole_input(&input);
                let first = arguments.clone();
                (ModelOutput::ToolCall { call_id: id, name, arguments }, PartKind::Arguments, first)
            }
            Block::Other => return Ok(()),
        };
        let index = self.draft.open(output)?;
        self.blocks.extend(block_index.map(|block_index| (block_index, index)));
        if !first.is_empty() {
            parts.delta(index, kind, first);
        }
        Ok(())
    }

    fn grow(&mut self, block_index: u64, delta: Delta, parts: &mut Parts) -> Result<(), Fault> {
        let known = self.blocks.iter().rev().find(|(at, _)| *at == block_index);
        let Some(&(_, index)) = known else { return Ok(()) };
        let (kind, more) = match delta {
            Delta::TextDelta { text } => (PartKind::Text, text),
            Delta::ThinkingDelta { thinking } => (PartKind::Reasoning, thinking),
            Delta::InputJsonDelta { partial_json } => (PartKind::Arguments, partial_json),
            Delta::SignatureDelta { signature } => return self.sign(index, &signature),
            Delta::Other => return Ok(()),
        };
        if more.is_empty() {
            return Ok(());
        }
        self.draft.count(more.len())?;
        match (self.draft.at(index), kind) {
            (ModelOutput::Message { text }, PartKind::Text) => text.push_str(&more),
            (ModelOutput::Reasoning { summary, .. }, PartKind::Reasoning) => {
                summary.push_str(&more);
            }
            (ModelOutput::ToolCall { arguments, .. }, PartKind::Arguments) => {
                arguments.push_str(&more);
            }
            (
                ModelOutput::Message { .. }
                | ModelOutput::Reasoning { .. }
                | ModelOutput::ToolCall { .. },
                PartKind::Text | PartKind::Reasoning | PartKind::Arguments,
            ) => return Err(Fault::garbled("a delta of another kind of block", more.as_bytes())),
        }
        parts.delta(index, kind, more);
        Ok(())
    }

    fn sign(&mut self, index: u32, more: &str) -> Result<(), Fault> {
        self.draft.count(more.len())?;
        let ModelOutput::Reasoning { provider_data: Some(data), .. } = self.draft.at(index) else {
            return Ok(());
        };
        if let Some(Value::String(signature)) = data.get_mut("signature") {
            signature.push_str(more);
        }
        Ok(())
    }
}

/// Completes an output once all of it is there.
fn seal(output: &mut ModelOutput) {
    match output {
        // The signature covers the text, and what is shown may be shortened on its way.
        ModelOutput::Reasoning { summary, provider_data: Some(Value::Object(data)) }
            if data.contains_key("signature") =>
        {
            data.insert("thinking".to_owned(), Value::String(summary.clone()));
        }
        // A tool without parameters is called without any text of arguments.
        ModelOutput::ToolCall { arguments, .. } if arguments.is_empty() => {
            arguments.push_str("{}");
        }
        ModelOutput::Reasoning { .. }
        | ModelOutput::ToolCall { .. }
        | ModelOutput::Message { .. } => {}
    }
}

/// The input of a whole call. At the start of a streamed call it is an empty object, and the
/// arguments follow.
fn whole_input(input: &Value) -> String {
    match input {
        Value::Object(members) if !members.is_empty() => input.to_string(),
        _ => String::new(),
    }
}

fn stop_reason(reason: &str) -> StopReason {
    match reason {
        "max_tokens" | "model_context_window_exceeded" => StopReason::Length,
        "refusal" => StopReason::Refusal,
        _ => StopReason::End,
    }
}

fn failed(error: &Value) -> Fault {
    let text = ErrorText::from_value(error);
    Fault::new(error_kind(None, &text), text.to_detail())
}

/// What an error means. Errors inside a stream have no status of their own.
fn error_kind(status: Option<StatusCode>, text: &ErrorText) -> ModelErrorKind {
    if is_context_too_long(text) {
        return ModelErrorKind::ContextTooLong;
    }
    match text.category.as_str() {
        "rate_limit_error" => return ModelErrorKind::RateLimited,
        "overloaded_error" | "api_error" | "timeout_error" => return ModelErrorKind::Unavailable,
        "invalid_request_error"
        | "authentication_error"
        | "permission_error"
        | "not_found_error"
        | "billing_error" => return ModelErrorKind::Invalid,
        _ => {}
    }
    match status.map(|status| status.as_u16()) {
        None | Some(408 | 409 | 500..=599) => ModelErrorKind::Unavailable,
        Some(413) => ModelErrorKind::ContextTooLong,
        Some(429) => ModelErrorKind::RateLimited,
        Some(_) => ModelErrorKind::Invalid,
    }
}
