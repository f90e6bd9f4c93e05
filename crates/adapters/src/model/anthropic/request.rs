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

use super::wire::{Block, Body, Format, Message, OutputConfig, ThinkingConfig, Tool};
use crate::model::catalogue::Reasoning;
use crate::model::transcript::{
    NO_OUTPUT, Piece, developer_text, fitted_call_id, late_output_text, object_arguments, pieces,
    summary_text,
};

/// The longest call id sent, in characters.
const MAX_CALL_ID_CHARS: usize = 64;
/// The least budget of thinking that the API takes.
const MIN_THINKING_TOKENS: u64 = 1024;
/// What stands for an image in the application's instructions.
const IMAGE_NOTE: &str = "[image]";
/// A first guess at the size of a body, so that it does not grow step by step.
const BODY_CAPACITY_BYTES: usize = 16 << 10;
/// What the user says where the API wants a user and the transcript has none.
const CONTINUE: &str = "Continue.";

/// How a model thinks and who gets its thoughts back.
#[derive(Clone, Copy)]
pub(in crate::model) struct Thinking<'a> {
    pub(in crate::model) style: Reasoning,
    pub(in crate::model) provider: &'a str,
}

/// The body of a request. `max_tokens` bounds the answer when the request does not.
pub(in crate::model) fn body(
    request: &ModelRequest,
    thinking: Thinking<'_>,
    max_tokens: u64,
) -> Vec<u8> {
    let pieces = pieces(&request.items);
    let max_tokens = request.options.max_output_tokens.unwrap_or(max_tokens).max(1);
    let effort = request.reasoning_effort.as_deref();
    let config = thinking.config(effort, max_tokens, &pieces);
    let body = Body {
        model: &request.model,
        max_tokens,
        system: system(&request.instructions),
        messages: messages(&pieces, thinking.provider),
        tools: request
            .tools
            .iter()
            .map(|tool| Tool {
                name: &tool.name,
                description: &tool.description,
                input_schema: &tool.parameters,
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

impl Thinking<'_> {
    fn config(
        &self,
        effort: Option<&str>,
        max_tokens: u64,
        pieces: &[Piece<'_>],
    ) -> Option<ThinkingConfig> {
        match (self.style, effort?) {
            (Reasoning::Adaptive, "none") => Some(ThinkingConfig::Disabled),
            (Reasoning::Adaptive | Reasoning::Always, _) => Some(ThinkingConfig::Adaptive),
            (Reasoning::Budget, "none") | (Reasoning::None | Reasoning::Effort, _) => None,
            (Reasoning::Budget, effort) => {
                let budget_tokens = budget_tokens(effort).min(max_tokens / 4 * 3);
                let fits = budget_tokens >= MIN_THINKING_TOKENS;
                (fits && !self.is_barred(pieces))
                    .then_some(ThinkingConfig::Enabled { budget_tokens })
            }
        }
    }

    /// A model with a budget refuses to think when the answer that its newest tool results belong to
    /// did not begin with its own thinking: another model gave it, or thinking was off.
    fn is_barred(&self, pieces: &[Piece<'_>]) -> bool {
        let after = pieces.iter().rposition(|piece| piece.is_from_model());
        let Some(last) = after else { return false };
        let first = pieces[..last].iter().rposition(|piece| !piece.is_from_model());
        let answer = &pieces[first.map_or(0, |before| before + 1)..=last];
        let calls = answer.iter().any(|piece| matches!(piece, Piece::Call(..)));
        calls && thinking_block(&answer[0], self.provider).is_none()
    }

    /// The effort as models that decide for themselves take it.
    fn effort<'e>(&self, effort: Option<&'e str>) -> Option<&'e str> {
        match (self.style, effort?) {
            (Reasoning::Adaptive, "none") => None,
            (Reasoning::Adaptive | Reasoning::Always, "none" | "minimal") => Some("low"),
            (Reasoning::Adaptive | Reasoning::Always, effort) => Some(effort),
            (Reasoning::Budget | Reasoning::None | Reasoning::Effort, _) => None,
        }
    }
}

/// What an effort is worth, in tokens.
fn budget_tokens(effort: &str) -> u64 {
    match effort {
        "minimal" => MIN_THINKING_TOKENS,
        "low" => 4_096,
        "high" => 16_384,
        "xhigh" | "max" => 32_768,
        _ => 8_192,
    }
}

fn output_config<'a>(
    effort: Option<&'a str>,
    schema: Option<&'a Value>,
) -> Option<OutputConfig<'a>> {
    let schema = schema.and_then(|schema| schema.get("schema"));
    let format = schema.map(|schema| Format { r#type: "json_schema", schema });
    (effort.is_some() || format.is_some()).then_some(OutputConfig { effort, format })
}

/// The instructions, with the tools before them, are the part of the prompt that changes least.
fn system(instructions: &str) -> Option<[Block<'_>; 1]> {
    let mut block = Block::text(Some(instructions).filter(|text| !text.trim().is_empty())?);
    block.keep_prefix();
    Some([block])
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

/// Thinking as the provider gave it; none when another provider did.
fn thinking_block<'a>(piece: &Piece<'a>, provider: &str) -> Option<Block<'a>> {
    let Piece::Reasoning(_, Some(data)) = *piece else { return None };
    let text = |name: &str| data.get(name).and_then(Value::as_str);
    if text("provider") != Some(provider) {
        return None;
    }
    if let Some(data) = text("redacted") {
        return Some(Block::RedactedThinking { data });
    }
    Some(Block::Thinking { thinking: text("thinking")?, signature: text("signature")? })
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
