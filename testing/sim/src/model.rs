//! A model that follows the script in the user's message, and fails as models do.
//!
//! Invariant: what it answers depends on the transcript alone, so that asking again after a crash
//! gives the same plan.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt;
use mainstay_core::item::{Content, Item, ItemBody};
use mainstay_core::port::{
    Model, ModelCapabilities, ModelError, ModelErrorKind, ModelInfo, ModelOutput, ModelPart,
    ModelReply, ModelRequest, ModelStream, Models, PartKind, StopReason,
};
use mainstay_protocol::Usage;
use serde::{Deserialize, Serialize};

use crate::chance::Chance;
use crate::clock::SimClock;
use crate::subagents;

/// What the agent does in a turn: for each step the tools it calls, then an answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Script {
    /// Unique in the run, to find the input again.
    pub(crate) tag: String,
    /// Tools called by each step.
    pub(crate) steps: Vec<Vec<String>>,
}

pub(crate) struct ScriptedModel {
    chance: Chance,
    clock: SimClock,
    quiet: Arc<AtomicBool>,
    context_tokens: u64,
}

/// Every model name leads to the scripted one.
pub(crate) struct ScriptedModels(Arc<ScriptedModel>);

impl ScriptedModels {
    pub(crate) fn new(chance: &Chance, clock: SimClock, quiet: Arc<AtomicBool>) -> Self {
        let chance = chance.named("model");
        // Small windows make some runs compact.
        let context_tokens = if chance.permille(300) { 600 } else { 100_000 };
        Self(Arc::new(ScriptedModel { chance, clock, quiet, context_tokens }))
    }
}

impl Models for ScriptedModels {
    fn find(&self, name: &str) -> Option<(Arc<dyn Model>, Arc<str>)> {
        Some((self.0.clone(), name.into()))
    }

    fn list(&self) -> Vec<ModelInfo> {
        vec![ModelInfo { name: "scripted".to_owned(), provider: "simulation".to_owned() }]
    }
}

impl ScriptedModel {
    fn fault(&self) -> Option<ModelError> {
        let drawn = self.chance.below(1_000);
        if self.quiet.load(Ordering::Relaxed) {
            return None;
        }
        let (kind, message) = match drawn {
            0..40 => (ModelErrorKind::RateLimited, "too many requests"),
            40..80 => (ModelErrorKind::Unavailable, "overloaded"),
            80..100 => (ModelErrorKind::Garbled, "garbage"),
            100..105 => (ModelErrorKind::Invalid, "bad request"),
            105..110 => (ModelErrorKind::ContextTooLong, "too long"),
            _ => return None,
        };
        Some(ModelError::new(kind, message))
    }
}

impl Model for ScriptedModel {
    fn capabilities(&self) -> ModelCapabilities {
        ModelCapabilities {
            context_tokens: self.context_tokens,
            max_output_tokens: 1_000,
            tools: true,
            images: false,
        }
    }

    fn stream(&self, request: ModelRequest) -> ModelStream {
        let reply = answer(&request.items);
        let (clock, wait_ms) = (self.clock, self.chance.below(400));
        let fault = self.fault();
        let parts = futures::stream::once(async move {
            clock.pass(wait_ms).await;
            let text = "some of the answer".to_owned();
            Ok(ModelPart::Delta { index: 0, kind: PartKind::Text, text })
        })
        .chain(futures::stream::once(async move {
            clock.pass(wait_ms / 2).await;
            fault.map_or(Ok(ModelPart::Done(reply)), Err)
        }));
        parts.boxed()
    }
}

fn answer(items: &[Arc<Item>]) -> ModelReply {
    let outputs = next_outputs(items);
    let usage = Usage { input_tokens: 10, output_tokens: 5, ..Usage::default() };
    ModelReply { outputs, usage, model: "scripted".to_owned(), stop: StopReason::End }
}

/// The next step of the script of the last message that has one.
fn next_outputs(items: &[Arc<Item>]) -> Vec<ModelOutput> {
    let scripted = items.iter().enumerate().rev().find_map(|(at, item)| Some((at, script(item)?)));
    let Some((at, script)) = scripted else {
        return vec![ModelOutput::Message { text: "a summary or nothing to do".to_owned() }];
    };
    let done =
        items[at..].windows(2).filter(|pair| is_call(&pair[0]) && !is_call(&pair[1])).count();
    let Some(step) = script.steps.get(done) else {
        return vec![ModelOutput::Message { text: format!("done {}", script.tag) }];
    };
    let call = |(index, name): (usize, &String)| {
        let tag = format!("{}_{done}_{index}", script.tag);
        ModelOutput::ToolCall {
            call_id: format!("call_{tag}"),
            name: name.clone(),
            arguments: subagents::arguments(name, &tag, &items[at..])
                .unwrap_or_else(|| format!("{{\"tag\":\"{}\"}}", script.tag)),
        }
    };
    step.iter().enumerate().map(call).collect()
}

fn is_call(item: &Item) -> bool {
    matches!(item.body, ItemBody::ToolCall { .. })
}

fn script(item: &Item) -> Option<Script> {
    let ItemBody::UserMessage { content } = &item.body else { return None };
    let Content::Text { text } = content.first()? else { return None };
    serde_json::from_str(text).ok()
}
