//! The context window: what a model is sent, when it is too much, and what a summary replaces.
//!
//! Invariant: the context of one effect is a prefix of the transcript, so that it can be made
//! again after a crash and providers' prompt caches hit. Every fragment has a cap.

use std::sync::Arc;

use mainstay_protocol::{EffectId, TurnId};

use super::state::SessionState;
use crate::item::{Content, Item, ItemBody, item_id};
use crate::port::{ModelCapabilities, ModelRequest};
use crate::tool::ToolSpec;

/// Bytes of text that count as one token in estimates.
pub const CONTEXT_BYTES_PER_TOKEN: u64 = 4;
/// Cap on one tool output in the context.
pub const MAX_TOOL_OUTPUT_BYTES: usize = 32 * 1024;
/// Estimate of what one tool's definition takes.
const TOOL_TOKENS: u64 = 150;
/// Bound on one model call.
const MODEL_TIMEOUT_MS: u64 = 600_000;
/// Bound on a summary.
const SUMMARY_MAX_TOKENS: u64 = 2_000;
/// Cap on one item's text in a compaction request.
const SUMMARY_MIN_FRAGMENT_BYTES: u64 = 400;

const DEFAULT_INSTRUCTIONS: &str =
    "You are a careful agent. Use the tools you are given to do what the user asks, then answer.";

const SUMMARY_INSTRUCTIONS: &str = "You keep the memory of an agent. Write a summary of the \
conversation so far that lets the agent go on without it: what the user wants, what was decided, \
facts and figures with their exact values, tool calls made and what they changed, and what is \
still open. Write plain sentences. Do not call tools.";

/// The request of a model effect over the first `context` items.
pub(super) fn model_request(state: &SessionState, effect: &EffectId, context: usize) -> ModelRequest {
    let config = state.config();
    let agent = &config.agent;
    let instructions = agent.instructions.as_deref().unwrap_or(DEFAULT_INSTRUCTIONS);
    ModelRequest {
        effect: effect.clone(),
        session: config.id.clone(),
        model: Arc::from(""),
        instructions: Arc::from(instructions),
        items: state.transcript.first(context),
        tools: state.tools(),
        reasoning_effort: agent.reasoning_effort.clone(),
        verbosity: agent.verbosity.clone(),
        response_schema: agent.response_schema.clone(),
        max_output_tokens: None,
        timeout_ms: MODEL_TIMEOUT_MS,
    }
}

/// The request of a compaction effect that summarises the first `cut` items.
pub(super) fn compact_request(
    state: &SessionState,
    effect: &EffectId,
    cut: usize,
    window: ModelCapabilities,
) -> ModelRequest {
    let budget_bytes = window.context_tokens * CONTEXT_BYTES_PER_TOKEN / 2;
    let fragment_bytes = (budget_bytes / (cut.max(1) as u64)).max(SUMMARY_MIN_FRAGMENT_BYTES);
    let fragment_bytes = usize::try_from(fragment_bytes).unwrap_or(usize::MAX);
    let mut text = String::from("The conversation so far:\n");
    for item in state.transcript.first(cut) {
        text.push_str(&clip(&told(&item), fragment_bytes));
        text.push('\n');
    }
    text.push_str("\nWrite the summary now.");
    let turn = state.turn.as_ref().map_or_else(|| fallback_turn(effect), |turn| turn.id.clone());
    let question = Item {
        id: item_id(state.seq, 0, 0, effect.as_str()),
        turn,
        output_index: None,
        body: ItemBody::UserMessage { content: vec![Content::Text { text }] },
    };
    ModelRequest {
        instructions: Arc::from(SUMMARY_INSTRUCTIONS),
        items: vec![Arc::new(question)],
        tools: Arc::from(Vec::<ToolSpec>::new()),
        response_schema: None,
        max_output_tokens: Some(SUMMARY_MAX_TOKENS.min(window.max_output_tokens)),
        ..model_request(state, effect, 0)
    }
}

fn fallback_turn(effect: &EffectId) -> TurnId {
    TurnId::parse(effect.as_str()).expect("an id's text is an id")
}

/// One item as a line of a conversation to summarise.
fn told(item: &Item) -> String {
    match &item.body {
        ItemBody::UserMessage { content } => format!("User: {}", text_of(content)),
        ItemBody::AssistantMessage { text } => format!("Agent: {text}"),
        ItemBody::Reasoning { summary, .. } => format!("Agent thought: {summary}"),
        ItemBody::ToolCall { name, arguments, .. } => format!("Agent called {name} with {arguments}"),
        ItemBody::ToolOutput { content, is_error: false, .. } => {
            format!("Tool answered: {}", text_of(content))
        }
        ItemBody::ToolOutput { content, is_error: true, .. } => {
            format!("Tool failed: {}", text_of(content))
        }
        ItemBody::Summary { text } => format!("Earlier: {text}"),
    }
}

fn text_of(content: &[Content]) -> String {
    let part = |part: &Content| match part {
        Content::Text { text } => text.clone(),
        Content::Image { .. } => "[an image]".to_owned(),
    };
    content.iter().map(part).collect::<Vec<_>>().join("\n")
}

/// How many tokens the next step's context has, estimated.
pub(super) fn estimate_tokens(state: &SessionState) -> u64 {
    let instructions = state.config().agent.instructions.as_ref().map_or(0, String::len) as u64;
    let tools = state.tools.as_ref().map_or(0, |(tools, _)| tools.len() as u64);
    (state.transcript.bytes() + instructions) / CONTEXT_BYTES_PER_TOKEN + tools * TOOL_TOKENS
}

/// How many items a summary should replace before the next step; none when the context fits or
/// nothing can be cut.
pub(super) fn cut_for(state: &SessionState, window: ModelCapabilities, forced: bool) -> Option<usize> {
    let fits = estimate_tokens(state) <= window.context_tokens / 4 * 3;
    if fits && !forced {
        return None;
    }
    let keep_bytes = window.context_tokens / 4 * CONTEXT_BYTES_PER_TOKEN;
    let mut kept = Transcripted::default();
    let mut best = None;
    let items = state.transcript.items();
    for (index, item) in items.iter().enumerate().rev() {
        kept.take(item);
        if kept.bytes() > keep_bytes {
            break;
        }
        if kept.is_whole() && index >= MIN_CUT_ITEMS {
            best = Some(index);
        }
    }
    // Nothing small enough is whole: keep only the last message.
    best.or_else(|| {
        let last_input = items.iter().rposition(|i| matches!(i.body, ItemBody::UserMessage { .. }))?;
        (last_input >= MIN_CUT_ITEMS).then_some(last_input)
    })
}

/// A summary of fewer items than this gains nothing.
const MIN_CUT_ITEMS: usize = 2;

/// What would be kept, taken from the end: whole when no tool output lacks its call.
#[derive(Default)]
struct Transcripted {
    transcript: super::Transcript,
    outputs: std::collections::BTreeSet<String>,
}

impl Transcripted {
    fn take(&mut self, item: &Arc<Item>) {
        self.transcript.push(item.clone());
        match &item.body {
            ItemBody::ToolOutput { call_id, .. } => {
                self.outputs.insert(call_id.to_string());
            }
            ItemBody::ToolCall { call_id, .. } => {
                self.outputs.remove(call_id.as_str());
            }
            ItemBody::UserMessage { .. }
            | ItemBody::AssistantMessage { .. }
            | ItemBody::Reasoning { .. }
            | ItemBody::Summary { .. } => {}
        }
    }

    fn bytes(&self) -> u64 {
        self.transcript.bytes()
    }

    fn is_whole(&self) -> bool {
        self.outputs.is_empty()
    }
}

/// Cuts a text to a cap, keeping its beginning and end and saying what is missing.
#[must_use]
pub fn clip(text: &str, max_bytes: usize) -> String {
    if text.len() <= max_bytes {
        return text.to_owned();
    }
    let head = text.floor_char_boundary(max_bytes / 3 * 2);
    let tail = text.ceil_char_boundary(text.len() - max_bytes / 4);
    let missing = tail - head;
    format!("{}\n[… {missing} bytes left out …]\n{}", &text[..head], &text[tail..])
}
