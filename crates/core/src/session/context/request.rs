//! Requests to models, made from the state.
//!
//! Invariant: the same effect gives the same request, however often and by whichever process it is
//! made, until a model says that it is too long.

use std::sync::Arc;

use mainstay_protocol::{EffectId, TurnId};

use super::clip::clip;
use super::window::CONTEXT_BYTES_PER_TOKEN;
use crate::agent::AgentDefinition;
use crate::item::{Content, Item, ItemBody, item_id};
use crate::port::{ModelCapabilities, ModelOptions, ModelRequest};
use crate::session::config::Offer;
use crate::session::state::SessionState;
use crate::tool::ToolSpec;

/// Bound on one model call.
const MODEL_TIMEOUT_MS: u64 = 600_000;
/// Bound on a summary.
const SUMMARY_MAX_TOKENS: u64 = 2_000;
/// Cap on one item's text in a compaction request, unless there are too many.
const SUMMARY_MIN_FRAGMENT_BYTES: usize = 400;

/// What a model is told first when its agent has no instructions.
pub const DEFAULT_INSTRUCTIONS: &str =
    "You are a careful agent. Use the tools you are given to do what the user asks, then answer.";

const SUMMARY_INSTRUCTIONS: &str = "You keep the memory of an agent. Write a summary of the \
conversation so far that lets the agent go on without it: what the user wants, what was decided, \
facts and figures with their exact values, tool calls made and what they changed, and what is \
still open. Write plain sentences. Do not call tools.";

/// The request of a step's model effect over the first `context` items.
pub(in crate::session) fn model_request(
    state: &SessionState,
    effect: &EffectId,
    context: usize,
    offer: &Offer,
) -> ModelRequest {
    let items = state.transcript.first(context);
    let agent = &offer.config.agent;
    let request = plain_request(state, effect, agent, items);
    let mut options = agent.options.clone();
    // A choice that were forced in every step would never let the turn end.
    if state.turn.as_ref().is_some_and(|turn| turn.steps != turn.choice_step) {
        options.tool_choice = None;
    }
    ModelRequest { tools: offer.tools.clone(), options, ..request }
}

fn plain_request(
    state: &SessionState,
    effect: &EffectId,
    agent: &AgentDefinition,
    items: Vec<Arc<Item>>,
) -> ModelRequest {
    let instructions = agent.instructions.as_deref().unwrap_or(DEFAULT_INSTRUCTIONS);
    ModelRequest {
        effect: effect.clone(),
        session: state.config().id.clone(),
        model: Arc::from(""),
        instructions: Arc::from(instructions),
        items,
        tools: Arc::from(Vec::<ToolSpec>::new()),
        reasoning_effort: agent.reasoning_effort.clone(),
        verbosity: agent.verbosity.clone(),
        response_schema: agent.response_schema.clone(),
        options: ModelOptions::default(),
        timeout_ms: MODEL_TIMEOUT_MS,
    }
}

/// The request of a compaction effect that summarises the first `cut` items. Each time that the
/// model said it was too long, it takes half as much text.
pub(in crate::session) fn compact_request(
    state: &SessionState,
    effect: &EffectId,
    too_long_count: u32,
    cut: usize,
    window: ModelCapabilities,
) -> ModelRequest {
    let half_bytes = window.context_tokens * CONTEXT_BYTES_PER_TOKEN / 2;
    let budget_bytes = half_bytes >> too_long_count.min(8);
    let text = conversation(
        &state.transcript.first(cut),
        usize::try_from(budget_bytes).unwrap_or(usize::MAX),
    );
    let turn = state.turn.as_ref().map_or_else(|| fallback_turn(effect), |turn| turn.id.clone());
    let question = Item {
        id: item_id(state.seq, 0, 0, effect.as_str()),
        turn,
        output_index: None,
        body: ItemBody::UserMessage { content: vec![Content::Text { text }] },
    };
    let max_tokens =
        SUMMARY_MAX_TOKENS.min(window.max_output_tokens).min(window.context_tokens / 4);
    let agent = &state.config().agent;
    ModelRequest {
        instructions: Arc::from(SUMMARY_INSTRUCTIONS),
        response_schema: None,
        options: ModelOptions { max_output_tokens: Some(max_tokens), ..ModelOptions::default() },
        ..plain_request(state, effect, agent, vec![Arc::new(question)])
    }
}

fn fallback_turn(effect: &EffectId) -> TurnId {
    TurnId::parse(effect.as_str()).expect("an id's text is an id")
}

/// What a model is told, and asked, to summarise these items in so many bytes of text.
#[must_use]
pub fn summary_request(items: &[Arc<Item>], budget_bytes: usize) -> (&'static str, String) {
    (SUMMARY_INSTRUCTIONS, conversation(items, budget_bytes))
}

/// The items as a text to summarise. Long ones are clipped, and if there are too many for all, the
/// middle of the whole is left out.
fn conversation(items: &[Arc<Item>], budget_bytes: usize) -> String {
    let lines: Vec<String> = items.iter().map(|item| told(item)).collect();
    let cap_bytes = fair_cap(&lines, budget_bytes).max(SUMMARY_MIN_FRAGMENT_BYTES);
    let lines: Vec<String> = lines.iter().map(|line| clip(line, cap_bytes)).collect();
    let text = clip(&lines.join("\n"), budget_bytes);
    format!("The conversation so far:\n{text}\n\nWrite the summary now.")
}

/// The cap on each line with which all of them fit the budget: short lines leave room for long ones.
fn fair_cap(lines: &[String], budget_bytes: usize) -> usize {
    let mut sizes: Vec<usize> = lines.iter().map(String::len).collect();
    sizes.sort_unstable();
    let mut left_bytes = budget_bytes;
    for (index, size) in sizes.iter().enumerate() {
        let share_bytes = left_bytes / (sizes.len() - index);
        if *size > share_bytes {
            return share_bytes;
        }
        left_bytes -= size;
    }
    usize::MAX
}

/// One item as a line of a conversation to summarise.
fn told(item: &Item) -> String {
    match &item.body {
        ItemBody::UserMessage { content } => format!("User: {}", text_of(content)),
        ItemBody::DeveloperMessage { content, .. } => format!("Instructions: {}", text_of(content)),
        ItemBody::AssistantMessage { text } => format!("Agent: {text}"),
        ItemBody::Reasoning { summary, .. } => format!("Agent thought: {summary}"),
        ItemBody::ToolCall { name, arguments, .. } => {
            format!("Agent called {name} with {arguments}")
        }
        ItemBody::ToolOutput { content, is_error: false, .. } => {
            format!("Tool answered: {}", text_of(content))
        }
        ItemBody::ToolOutput { content, is_error: true, .. } => {
            format!("Tool failed: {}", text_of(content))
        }
        ItemBody::Summary { text } => format!("Earlier: {text}"),
        ItemBody::Foreign { .. } => String::new(),
    }
}

fn text_of(content: &[Content]) -> String {
    let part = |part: &Content| match part {
        Content::Text { text } => text.clone(),
        Content::Image { .. } => "[an image]".to_owned(),
    };
    content.iter().map(part).collect::<Vec<_>>().join("\n")
}
