//! The answer: chunks of a chat completion.
//!
//! Invariant: what one server leaves out (ids, indexes, usage, `[DONE]`) does not break an answer
//! that is otherwise complete; a stream without a reason to stop is not complete.

use mainstay_core::port::{ModelErrorKind, ModelOutput, PartKind, StopReason};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::model::catalogue::TokenCounts;
use crate::model::http::{Answer, Decoder, Draft, ErrorText, Fault, Parts, Progress};
use crate::model::openai::error::error_kind;

/// The answer so far.
#[derive(Default)]
pub(in crate::model) struct ChatDecoder {
    draft: Draft,
    message: Option<u32>,
    reasoning: Option<u32>,
    calls: Vec<OpenCall>,
    refused: bool,
    stop: Option<StopReason>,
    model: String,
    tokens: TokenCounts,
}

/// A call whose arguments are being received.
struct OpenCall {
    /// The server's index of it, where it gives one.
    wire_index: Option<u64>,
    output: u32,
}

impl Decoder for ChatDecoder {
    fn event(&mut self, data: &[u8], parts: &mut Parts) -> Result<Progress, Fault> {
        if data == b"[DONE]" {
            return self.end().map(Progress::Done);
        }
        let mut chunk: Chunk<'_> =
            serde_json::from_slice(data).map_err(|_| Fault::garbled("not a chunk", data))?;
        self.take_common(&mut chunk)?;
        for choice in chunk.choices.into_iter().flatten() {
            if choice.index.unwrap_or(0) == 0 {
                self.take_choice(choice, parts)?;
            }
        }
        Ok(Progress::More)
    }

    fn end(&mut self) -> Result<Answer, Fault> {
        let stop = self.stop.take().ok_or_else(Fault::cut)?;
        let stop = if self.refused { StopReason::Refusal } else { stop };
        Ok(Answer {
            outputs: self.draft.finish(stop),
            stop,
            model: std::mem::take(&mut self.model),
            tokens: self.tokens,
        })
    }

    fn whole(&mut self, body: &[u8]) -> Result<Answer, Fault> {
        // A whole completion differs from a chunk in one name, which `Choice` knows.
        let mut unwatched = Parts::default();
        self.event(body, &mut unwatched)?;
        if self.stop.is_none() {
            return Err(Fault::garbled("not a chat completion", body));
        }
        self.end()
    }

    fn error_kind(&self, status: StatusCode, text: &ErrorText) -> ModelErrorKind {
        error_kind(Some(status), text)
    }
}

impl ChatDecoder {
    fn take_common(&mut self, chunk: &mut Chunk<'_>) -> Result<(), Fault> {
        if let Some(error) = &chunk.error {
            let text = ErrorText::from_value(error);
            return Err(Fault::new(error_kind(None, &text), text.to_detail()));
        }
        if let Some(model) = chunk.model.take().filter(|_| self.model.is_empty()) {
            self.model = model;
        }
        if let Some(usage) = &chunk.usage {
            self.tokens = usage.counts();
        }
        Ok(())
    }

    fn take_choice(&mut self, choice: Choice<'_>, parts: &mut Parts) -> Result<(), Fault> {
        if let Some(delta) = choice.delta.or(choice.message) {
            let reasoning = delta.reasoning_content.or(delta.reasoning);
            self.take_reasoning(reasoning.unwrap_or_default(), parts)?;
            if let Some(content) = delta.content {
                self.take_text(content_text(content)?, parts)?;
            }
            if let Some(refusal) = delta.refusal.filter(|text| !text.is_empty()) {
                self.refused = true;
                self.take_text(refusal, parts)?;
            }
            for call in delta.tool_calls.into_iter().flatten() {
                self.take_call(call, parts)?;
            }
        }
        if let Some(reason) = choice.finish_reason {
            self.stop = Some(match reason.as_str() {
                "length" => StopReason::Length,
                "content_filter" => StopReason::Refusal,
                _ => StopReason::End,
            });
        }
        Ok(())
    }

    fn take_text(&mut self, text: String, parts: &mut Parts) -> Result<(), Fault> {
        if text.is_empty() {
            return Ok(());
        }
        let index = match self.message {
            Some(index) => index,
            None => self.draft.open(ModelOutput::Message { text: String::new() })?,
        };
        self.message = Some(index);
        self.draft.count(text.len())?;
        if let ModelOutput::Message { text: whole } = self.draft.at(index) {
            whole.push_str(&text);
        }
        parts.delta(index, PartKind::Text, text);
        Ok(())
    }

    fn take_reasoning(&mut self, text: String, parts: &mut Parts) -> Result<(), Fault> {
        if text.is_empty() {
            return Ok(());
        }
        let new = || ModelOutput::Reasoning { summary: String::new(), provider_data: None };
        let index = match self.reasoning {
            Some(index) => index,
            None => self.draft.open(new())?,
        };
        self.reasoning = Some(index);
        self.draft.count(text.len())?;
        if let ModelOutput::Reasoning { summary, .. } = self.draft.at(index) {
            summary.push_str(&text);
        }
        parts.delta(index, PartKind::Reasoning, text);
        Ok(())
    }

    fn take_call(&mut self, call: CallDelta<'_>, parts: &mut Parts) -> Result<(), Fault> {
        let id = call.id.unwrap_or_default();
        let function = call.function.unwrap_or_default();
        let name = function.name.unwrap_or_default();
        let output = match self.open_call(call.index, &id, &name) {
            Some(output) => output,
            None => {
                let output = self.draft.open(ModelOutput::ToolCall {
                    call_id: id.clone(),
                    name: String::new(),
                    arguments: String::new(),
                })?;
                self.calls.push(OpenCall { wire_index: call.index, output });
                output
            }
        };
        let more = function.arguments.map(arguments_text).transpose()?.unwrap_or_default();
        self.draft.count(name.len() + more.len())?;
        if let ModelOutput::ToolCall { call_id, name: whole, arguments } = self.draft.at(output) {
            if call_id.is_empty() {
                call_id.push_str(&id);
            }
            // Some servers repeat the name in every chunk.
            if whole.is_empty() {
                whole.push_str(&name);
            }
            arguments.push_str(&more);
        }
        if !more.is_empty() {
            parts.delta(output, PartKind::Arguments, more);
        }
        Ok(())
    }

    /// The call that a delta continues. Servers that give no index, or 0 for every call, mark a new
    /// call by another id together with a name.
    fn open_call(&mut self, index: Option<u64>, id: &str, name: &str) -> Option<u32> {
        let open = match index {
            Some(_) => self.calls.iter().rev().find(|call| call.wire_index == index),
            None => self.calls.last(),
        };
        let output = open?.output;
        let ModelOutput::ToolCall { call_id, name: whole, .. } = self.draft.at(output) else {
            return None;
        };
        let another_id = !id.is_empty() && !call_id.is_empty() && id != call_id;
        let unindexed_again = index.is_none() && id.is_empty() && !name.is_empty();
        let starts_another =
            (another_id && !name.is_empty()) || (unindexed_again && !whole.is_empty());
        (!starts_another).then_some(output)
    }
}

/// Text of a content, which is a string nearly everywhere and a list of parts at some servers.
fn content_text(content: &RawValue) -> Result<String, Fault> {
    let broken = |_| Fault::garbled("not the content of a message", content.get().as_bytes());
    if !content.get().starts_with('[') {
        return serde_json::from_str(content.get()).map_err(broken);
    }
    let parts: Vec<ContentPart> = serde_json::from_str(content.get()).map_err(broken)?;
    Ok(parts.into_iter().filter_map(|part| part.text).collect())
}

/// Arguments as JSON text; some servers send the object itself.
fn arguments_text(arguments: &RawValue) -> Result<String, Fault> {
    let text = arguments.get();
    if text.starts_with('"') {
        return serde_json::from_str(text)
            .map_err(|_| Fault::garbled("not the arguments of a call", text.as_bytes()));
    }
    Ok(if text == "null" { String::new() } else { text.to_owned() })
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(default)]
    model: Option<String>,
    #[serde(borrow, default)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(default)]
    usage: Option<WireUsage>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default)]
    index: Option<u64>,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(borrow, default)]
    message: Option<Delta<'a>>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    reasoning_content: Option<String>,
    #[serde(default)]
    reasoning: Option<String>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<CallDelta<'a>>>,
}

#[derive(Deserialize)]
struct CallDelta<'a> {
    #[serde(default)]
    index: Option<u64>,
    #[serde(default)]
    id: Option<String>,
    #[serde(borrow, default)]
    function: Option<FunctionDelta<'a>>,
}

#[derive(Default, Deserialize)]
struct FunctionDelta<'a> {
    #[serde(default)]
    name: Option<String>,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ContentPart {
    #[serde(default)]
    text: Option<String>,
}

#[derive(Deserialize)]
struct WireUsage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    #[serde(default)]
    prompt_tokens_details: Option<PromptDetails>,
    #[serde(default)]
    completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Default, Deserialize)]
struct PromptDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
    #[serde(default)]
    cache_write_tokens: Option<u64>,
}

#[derive(Default, Deserialize)]
struct CompletionDetails {
    #[serde(default)]
    reasoning_tokens: Option<u64>,
}

impl WireUsage {
    fn counts(&self) -> TokenCounts {
        let prompt = self.prompt_tokens_details.as_ref();
        let completion = self.completion_tokens_details.as_ref();
        TokenCounts {
            input: self.prompt_tokens,
            cached_input: prompt.and_then(|details| details.cached_tokens).unwrap_or(0),
            cache_write: prompt.and_then(|details| details.cache_write_tokens).unwrap_or(0),
            output: self.completion_tokens,
            reasoning: completion.and_then(|details| details.reasoning_tokens).unwrap_or(0),
        }
    }
}
