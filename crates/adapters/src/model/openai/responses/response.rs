//! The answer: the events of a response.
//!
//! Invariant: an item counts as it is when it is done, whatever its deltas were; the response counts
//! as complete only when the stream says so. Items of kinds that were not asked for are passed over.

use mainstay_core::port::{ModelErrorKind, ModelOutput, PartKind, StopReason};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::event::{
    CallItem, Event, ItemKind, MessageItem, MessagePart, ReasoningItem, ResponseObject,
};
use crate::model::http::{Answer, Decoder, Draft, ErrorText, Fault, Parts, Progress};
use crate::model::openai::error::error_kind;

/// The answer so far.
pub(in crate::model) struct ResponsesDecoder {
    /// Named in reasoning, so that it goes back to this provider alone.
    provider: String,
    draft: Draft,
    /// Which output an item of the response became.
    open: Vec<(u64, u32)>,
    /// Items that have had deltas and are not done.
    undone: usize,
    refused: bool,
}

impl ResponsesDecoder {
    /// A decoder for an answer of the provider.
    pub(in crate::model) fn new(provider: &str) -> Self {
        Self {
            provider: provider.to_owned(),
            draft: Draft::default(),
            open: Vec::new(),
            undone: 0,
            refused: false,
        }
    }
}

impl Decoder for ResponsesDecoder {
    fn event(&mut self, data: &[u8], parts: &mut Parts) -> Result<Progress, Fault> {
        if data == b"[DONE]" {
            return self.end().map(Progress::Done);
        }
        let event: Event<'_> =
            serde_json::from_slice(data).map_err(|_| Fault::garbled("not an event", data))?;
        match event.kind.as_str() {
            "response.output_text.delta" => self.take_delta(&event, PartKind::Text, parts)?,
            "response.refusal.delta" => {
                self.refused = true;
                self.take_delta(&event, PartKind::Text, parts)?;
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                self.take_delta(&event, PartKind::Reasoning, parts)?;
            }
            "response.function_call_arguments.delta" => {
                self.take_delta(&event, PartKind::Arguments, parts)?;
            }
            "response.output_item.done" => {
                let item = event.item.ok_or_else(|| Fault::garbled("no item", data))?;
                self.take_item(event.output_index, item)?;
            }
            "response.completed" | "response.incomplete" => {
                let response = event.response.ok_or_else(|| Fault::garbled("no response", data))?;
                return self.take_response(response).map(Progress::Done);
            }
            "response.failed" => {
                let response: ResponseObject<'_> = parse(event.response, data)?;
                return Err(failed(&response.error.unwrap_or_default()));
            }
            "error" => return Err(failed(&error_of(event))),
            // A server that answers with an error and no type.
            "" if event.error.is_some() => return Err(failed(&error_of(event))),
            _ => {}
        }
        Ok(Progress::More)
    }

    fn end(&mut self) -> Result<Answer, Fault> {
        Err(Fault::cut())
    }

    fn whole(&mut self, body: &[u8]) -> Result<Answer, Fault> {
        let whole: &RawValue =
            serde_json::from_slice(body).map_err(|_| Fault::garbled("not a response", body))?;
        self.take_response(whole)
    }

    fn error_kind(&self, status: StatusCode, text: &ErrorText) -> ModelErrorKind {
        error_kind(Some(status), text)
    }
}

impl ResponsesDecoder {
    fn take_delta(
        &mut self,
        event: &Event<'_>,
        kind: PartKind,
        parts: &mut Parts,
    ) -> Result<(), Fault> {
        let Some(delta) = event.delta else { return Ok(()) };
        let text: String = serde_json::from_str(delta.get())
            .map_err(|_| Fault::garbled("not the text of a delta", delta.get().as_bytes()))?;
        let index = match self.placed(event.output_index) {
            Some(index) => index,
            None => {
                self.undone += 1;
                self.place(event.output_index, empty_output(kind))?
            }
        };
        self.draft.count(text.len())?;
        parts.delta(index, kind, text);
        Ok(())
    }

    /// Takes an item that is done; it replaces what its deltas opened.
    fn take_item(&mut self, item_index: Option<u64>, item: &RawValue) -> Result<(), Fault> {
        let Some(output) = self.read_item(item)? else { return Ok(()) };
        match self.placed(item_index) {
            Some(index) => {
                *self.draft.at(index) = output;
                self.undone = self.undone.saturating_sub(1);
            }
            None if output == empty_output(PartKind::Text) => {}
            None => {
                self.place(item_index, output)?;
            }
        }
        Ok(())
    }

    /// Where the item at this index of the response is among our outputs.
    fn placed(&self, item_index: Option<u64>) -> Option<u32> {
        let item_index = item_index?;
        self.open.iter().find(|(at, _)| *at == item_index).map(|(_, index)| *index)
    }

    fn place(&mut self, item_index: Option<u64>, output: ModelOutput) -> Result<u32, Fault> {
        let index = self.draft.open(output)?;
        self.open.extend(item_index.map(|item_index| (item_index, index)));
        Ok(index)
    }

    fn read_item(&mut self, item: &RawValue) -> Result<Option<ModelOutput>, Fault> {
        let data = item.get().as_bytes();
        let ItemKind { kind } = parse(Some(item), data)?;
        Ok(Some(match kind.as_str() {
            "message" => {
                let message: MessageItem = parse(Some(item), data)?;
                self.refused |= message.content.iter().any(|part| part.refusal.is_some());
                ModelOutput::Message { text: joined(message.content, "") }
            }
            "function_call" => {
                let call: CallItem = parse(Some(item), data)?;
                ModelOutput::ToolCall {
                    call_id: call.call_id.or(call.id).unwrap_or_default(),
                    name: call.name,
                    arguments: call.arguments,
                }
            }
            "reasoning" => {
                let reasoning: ReasoningItem = parse(Some(item), data)?;
                let provider_data = reasoning.encrypted_content.map(|encrypted| {
                    json!({
                        "provider": self.provider,
                        "id": reasoning.id,
                        "encrypted_content": encrypted,
                    })
                });
                let shown = match reasoning.summary.is_empty() {
                    true => reasoning.content.unwrap_or_default(),
                    false => reasoning.summary,
                };
                ModelOutput::Reasoning { summary: joined(shown, "\n\n"), provider_data }
            }
            _ => return Ok(None),
        }))
    }

    fn take_response(&mut self, response: &RawValue) -> Result<Answer, Fault> {
        let data = response.get().as_bytes();
        let response: ResponseObject<'_> = parse(Some(response), data)?;
        if let Some(error) = response.error.filter(|error| !error.is_null()) {
            return Err(failed(&error));
        }
        // Every item came by itself before. A server that does not send them so sends them here.
        if self.draft.is_empty() || self.undone > 0 {
            self.draft = Draft::default();
            for item in response.output.unwrap_or_default() {
                self.take_item(None, item)?;
            }
        }
        let reason = response.incomplete_details.and_then(|details| details.reason);
        let stop = match (response.status.as_deref(), reason.as_deref()) {
            (Some("failed" | "cancelled"), _) => return Err(failed(&Value::Null)),
            (Some("queued" | "in_progress") | None, _) => {
                return Err(Fault::garbled("not a finished response", data));
            }
            (_, Some("content_filter")) => StopReason::Refusal,
            (_, Some(_)) => StopReason::Length,
            (Some("incomplete"), None) => StopReason::Length,
            (Some(_), None) if self.refused => StopReason::Refusal,
            (Some(_), None) => StopReason::End,
        };
        Ok(Answer {
            outputs: self.draft.finish(stop),
            stop,
            model: response.model.unwrap_or_default(),
            tokens: response.usage.map(|usage| usage.counts()).unwrap_or_default(),
        })
    }
}

fn empty_output(kind: PartKind) -> ModelOutput {
    match kind {
        PartKind::Text => ModelOutput::Message { text: String::new() },
        PartKind::Reasoning => {
            ModelOutput::Reasoning { summary: String::new(), provider_data: None }
        }
        PartKind::Arguments => ModelOutput::ToolCall {
            call_id: String::new(),
            name: String::new(),
            arguments: String::new(),
        },
    }
}

fn parse<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>, event: &[u8]) -> Result<T, Fault> {
    let broken = || Fault::garbled("not what the event's type promises", event);
    serde_json::from_str(raw.ok_or_else(broken)?.get()).map_err(|_| broken())
}

fn joined(parts: Vec<MessagePart>, between: &str) -> String {
    let mut texts = parts.into_iter().filter_map(|part| part.text.or(part.refusal));
    let mut whole = texts.next().unwrap_or_default();
    for text in texts {
        whole.push_str(between);
        whole.push_str(&text);
    }
    whole
}

/// The error of an event, which is inside `error` or is the event itself.
fn error_of(event: Event<'_>) -> Value {
    event.error.unwrap_or_else(|| json!({ "code": event.code, "message": event.message }))
}

fn failed(error: &Value) -> Fault {
    let text = ErrorText::from_value(error);
    Fault::new(error_kind(None, &text), text.to_detail())
}
