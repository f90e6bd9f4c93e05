//! The request: a transcript as alternating messages.
//!
//! Invariant: the messages of a longer transcript begin with those of a shorter one, apart from the
//! marks of what is worth caching, which the provider does not count as content.

use std::borrow::Cow;

use mainstay_core::item::Content;
use mainstay_core::port::ModelRequest;
use mainstay_protocol::CallId;
use serde_json::Value;
use serde_json::value::RawValue;

use super::choice::tool_choice;
use super::thinking::{Thinking, thinking_block};
use super::wire::{Block, Body, Format, Message, OutputConfig, Tool};
use crate::model::choice::{Choice, Subsets};
use crate::model::transcript::{
    NO_OUTPUT, Piece, developer_text, fitted_call_id, joined_text, late_output_text,
    object_arguments, pieces, split_leading, summary_text,
};

/// The longest call id sent, in characters.
const MAX_CALL_ID_CHARS: usize = 64;
/// What stands for an image in the application's instructions.
const IMAGE_NOTE: &str = "[image]";
/// A first guess at the size of a body, so that it does not grow step by step.
const BODY_CAPACITY_BYTES: usize = 16 << 10;
/// What the user says where the API wants a user and the transcript has none.
const CONTINUE: &str = "Continue.";

/// The body of a request. `max_tokens` bounds the answer when the request does not.
pub(in crate::model) fn body(
    request: &ModelRequest,
    thinking: Thinking<'_>,
    max_tokens: u64,
) -> Vec<u8> {
    let pieces = pieces(&request.items);
    let max_tokens = request.options.max_output_tokens.unwrap_or(max_tokens).max(1);
    let effort = request.reasoning_effort.as_deref();
    let choice = Choice::new(request, Subsets::Hidden);
    let config = thinking.config(effort, max_tokens, &pieces, choice.must);
    let (leading, said) = split_leading(&pieces);
    let body = Body {
        model: &request.model,
        max_tokens,
        system: system(&request.instructions, &leading),
        messages: messages(said, thinking.provider),
        tool_choice: tool_choice(&choice, thinking.thinks(config)),
        tools: choice
            .tools
            .iter()
            .map(|tool| Tool {
                name: &tool.name,
                description: &tool.description,
                input_schema: &tool.parameters,
                strict: tool.strict,
            })
            .collect(),
        thinking: config,
        output_config: output_config(thinking.effort(effort), request.response_schema.as_deref()),
        stream: true,
    };
    let mut bytes = Vec::with_capacity(BODY_CAPACITY_BYTES);
    serde_json::to_writer(&mut bytes, &body).expect("a body has text keys and writes to memory");
    bytes
}

/// The form of the answer. Any JSON object is left to the prompt: the API takes a schema or nothing.
fn output_config<'a>(
    effort: Option<&'a str>,
    schema: Option<&'a Value>,
) -> Option<OutputConfig<'a>> {
    let schema = schema.and_then(|schema| schema.get("schema"));
    let format = schema.map(|schema| Format { r#type: "json_schema", schema });
    (effort.is_some() || format.is_some()).then_some(OutputConfig { effort, format })
}

/// The instructions and what the application says before the conversation are, with the tools before
/// them, the part of the prompt that changes least.
fn system<'a>(instructions: &'a str, leading: &[&'a [Content]]) -> Option<Vec<Block<'a>>> {
    let leading = leading.iter().map(|content| joined_text(content, IMAGE_NOTE));
    let texts = std::iter::once(Cow::Borrowed(instructions)).chain(leading);
    let texts = texts.filter(|text| !text.trim().is_empty());
    let mut blocks: Vec<_> = texts.map(Block::text).collect();
    blocks.last_mut()?.keep_prefix();
    Some(blocks)
}

fn messages<'a>(pieces: &[Piece<'a>], provider: &str) -> Vec<Message<'a>> {
    let mut messages: Vec<Message<'a>> = Vec::new();
    for group in pieces.chunk_by(|a, b| a.is_from_model() == b.is_from_model()) {
        let from_model = group[0].is_from_model();
        let role = if from_model { "assistant" } else { "user" };
        let mut content = Vec::with_capacity(group.len());
        for piece in group {
            push_blocks(piece, provider, &mut content);
        }
        match messages.last_mut() {
            // An answer without anything to send back leaves two messages of the user.
            _ if content.is_empty() && from_model => {}
            Some(last) if last.role == role => last.content.append(&mut content),
            None if from_model => messages.extend([asks_to_continue(), Message { role, content }]),
            None | Some(_) => messages.push(Message { role, content }),
        }
    }
    if messages.last().is_none_or(|last| last.role == "assistant") {
        messages.push(asks_to_continue());
    }
    for message in &mut messages {
        if message.content.is_empty() {
            message.content.push(Block::text("(empty)"));
        }
    }
    // The newest message is where the next request's prefix ends; the one before is where the last
    // request's ended, so that its cache entry is found.
    for message in messages.iter_mut().rev().filter(|message| message.role == "user").take(2) {
        if let Some(block) = message.content.last_mut() {
            block.keep_prefix();
        }
    }
    messages
}

fn asks_to_continue<'a>() -> Message<'a> {
    Message { role: "user", content: vec![Block::text(CONTINUE)] }
}

fn push_blocks<'a>(piece: &Piece<'a>, provider: &str, blocks: &mut Vec<Block<'a>>) {
    match *piece {
        Piece::User(content) => blocks.extend(content.iter().filter_map(block)),
        Piece::Developer(content) => {
            blocks.push(Block::text(developer_text(content, IMAGE_NOTE)));
        }
        Piece::Summary(text) => blocks.push(Block::text(summary_text(text))),
        Piece::LateOutput(id, content) => {
            blocks.push(Block::text(late_output_text(id)));
            blocks.extend(content.iter().filter_map(block));
        }
        Piece::Assistant(text) => blocks.extend(text_block(text)),
        Piece::Reasoning(..) => blocks.extend(thinking_block(piece, provider)),
        Piece::Call(id, name, arguments) => {
            blocks.push(Block::ToolUse { id: wire_id(id), name, input: input(arguments) });
        }
        Piece::Output(id, content, is_error) => blocks.push(Block::ToolResult {
            tool_use_id: wire_id(id),
            content: match content {
                Some(content) => content.iter().filter_map(block).collect(),
                None => vec![Block::text(NO_OUTPUT)],
            },
            is_error,
            cache_control: None,
        }),
    }
}

fn block(content: &Content) -> Option<Block<'_>> {
    match content {
        Content::Text { text } => text_block(text),
        Content::Image { url } => Some(Block::image(url)),
    }
}

/// A text; none when it is blank, which the API refuses.
fn text_block(text: &str) -> Option<Block<'_>> {
    (!text.trim().is_empty()).then(|| Block::text(text))
}

/// Arguments as JSON inside the request's own.
fn input(arguments: &str) -> Cow<'_, RawValue> {
    const JSON: &str = "object_arguments gives JSON";
    match object_arguments(arguments) {
        Cow::Borrowed(text) => Cow::Borrowed(serde_json::from_str(text).expect(JSON)),
        Cow::Owned(text) => Cow::Owned(RawValue::from_string(text).expect(JSON)),
    }
}

fn wire_id(id: &CallId) -> Cow<'_, str> {
    fitted_call_id(id, MAX_CALL_ID_CHARS)
}
