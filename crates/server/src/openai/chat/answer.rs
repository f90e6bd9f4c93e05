//! A model's reply as an answer of Chat Completions.
//!
//! Invariant: texts of one reply are one text, whether the answer came whole or in chunks.

use mainstay_core::port::{ModelOutput, ModelReply, StopReason};
use mainstay_protocol::{CallId, IdMint};

use crate::openai::wire::{
    ChatAnswer, ChatAnswerCall, ChatCalledFunction, ChatChoice, ChatCompletion, ChatFinish,
};

/// What stands between two texts of one reply.
pub(super) const BETWEEN_TEXTS: &str = "\n\n";

/// What every piece of an answer repeats.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) id: String,
    /// In Unix seconds.
    pub(super) created: u64,
}

/// The whole answer.
pub(super) fn completion(
    head: Head,
    model: &str,
    reply: ModelReply,
    mint: &mut IdMint,
) -> ChatCompletion {
    let (text, finish_reason, usage) = (text_of(&reply), finish(&reply), reply.usage.into());
    let is_refused = finish_reason == ChatFinish::ContentFilter;
    let text = (!text.is_empty()).then_some(text);
    let (content, refusal) = if is_refused { (None, text) } else { (text, None) };
    let tool_calls = calls(reply, mint);
    let message = ChatAnswer { content, refusal, tool_calls, annotations: Vec::new() };
    ChatCompletion {
        id: head.id,
        created: head.created,
        model: model.to_owned(),
        choices: [ChatChoice { index: 0, message, finish_reason, logprobs: None }],
        usage,
        system_fingerprint: None,
    }
}

/// The reply's text.
pub(super) fn text_of(reply: &ModelReply) -> String {
    let texts = reply.outputs.iter().filter_map(|output| match output {
        ModelOutput::Message { text } if !text.is_empty() => Some(text.as_str()),
        ModelOutput::Message { .. }
        | ModelOutput::Reasoning { .. }
        | ModelOutput::ToolCall { .. } => None,
    });
    texts.collect::<Vec<_>>().join(BETWEEN_TEXTS)
}

/// The reply's calls. Those without an id get one.
pub(super) fn calls(reply: ModelReply, mint: &mut IdMint) -> Vec<ChatAnswerCall> {
    let call = |output| match output {
        ModelOutput::ToolCall { call_id, name, arguments } => Some(ChatAnswerCall {
            id: if call_id.is_empty() { CallId::mint(mint).to_string() } else { call_id },
            function: ChatCalledFunction { name, arguments },
        }),
        ModelOutput::Message { .. } | ModelOutput::Reasoning { .. } => None,
    };
    reply.outputs.into_iter().filter_map(call).collect()
}

/// Why the reply ended.
pub(super) fn finish(reply: &ModelReply) -> ChatFinish {
    let calls = reply.outputs.iter().any(|output| matches!(output, ModelOutput::ToolCall { .. }));
    match reply.stop {
        StopReason::Length => ChatFinish::Length,
        StopReason::Refusal => ChatFinish::ContentFilter,
        StopReason::End if calls => ChatFinish::ToolCalls,
        StopReason::End => ChatFinish::Stop,
    }
}
