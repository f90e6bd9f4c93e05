//! Models that say what the test wrote for them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use mainstay_core::port::{
    Model, ModelCapabilities, ModelError, ModelErrorKind, ModelInfo, ModelOutput, ModelPart,
    ModelReply, ModelRequest, ModelStream, Models, PartKind, StopReason,
};
use mainstay_protocol::Usage;
use tokio::sync::Notify;

/// One answer of a model.
#[derive(Clone)]
pub(crate) enum Script {
    /// These outputs, without pieces.
    Outputs(Vec<ModelOutput>),
    /// A text in pieces.
    Pieces(Vec<&'static str>),
    /// Pieces, then a failure.
    Broken(Vec<&'static str>, ModelErrorKind),
    /// Pieces, then nothing until the test says so, then the rest.
    Held(Vec<&'static str>, Arc<Notify>, Vec<&'static str>),
}

impl Script {
    pub(crate) fn text(text: &str) -> Self {
        Self::Outputs(vec![ModelOutput::Message { text: text.to_owned() }])
    }

    pub(crate) fn calls(calls: &[(&str, &str, &str)]) -> Self {
        let call = |(id, name, arguments): &(&str, &str, &str)| ModelOutput::ToolCall {
            call_id: (*id).to_owned(),
            name: (*name).to_owned(),
            arguments: (*arguments).to_owned(),
        };
        Self::Outputs(calls.iter().map(call).collect())
    }
}

/// The models of a test: every name but those that begin with `unknown` is the scripted one.
#[derive(Default)]
pub(crate) struct ScriptedModels {
    scripts: Arc<Mutex<VecDeque<Script>>>,
    requests: Arc<Mutex<Vec<ModelRequest>>>,
}

impl ScriptedModels {
    /// The requests so far, and forgets them.
    pub(crate) fn take_requests(&self) -> Vec<ModelRequest> {
        std::mem::take(&mut *self.requests.lock().expect("no test panics with the requests"))
    }

    /// How many requests there were since they were last taken.
    pub(crate) fn asked_count(&self) -> usize {
        self.requests.lock().expect("no test panics with the requests").len()
    }

    /// What the next calls answer; *"ok"* when nothing is left.
    pub(crate) fn say(&self, scripts: impl IntoIterator<Item = Script>) {
        self.scripts.lock().expect("no test panics with the scripts").extend(scripts);
    }
}

impl Models for ScriptedModels {
    fn find(&self, name: &str) -> Option<(Arc<dyn Model>, Arc<str>)> {
        if name.starts_with("unknown") {
            return None;
        }
        let (scripts, requests) = (self.scripts.clone(), self.requests.clone());
        let model = ScriptedModel { scripts, requests };
        Some((Arc::new(model), name.into()))
    }

    fn list(&self) -> Vec<ModelInfo> {
        vec![ModelInfo { name: "scripted".to_owned(), provider: "test".to_owned() }]
    }
}

struct ScriptedModel {
    scripts: Arc<Mutex<VecDeque<Script>>>,
    requests: Arc<Mutex<Vec<ModelRequest>>>,
}

impl Model for ScriptedModel {
    fn capabilities(&self) -> ModelCapabilities {
        ModelCapabilities {
            context_tokens: 100_000,
            max_output_tokens: 10_000,
            tools: true,
            images: true,
        }
    }

    fn most_microusd(&self, model: &str, _input: u64, output_tokens: u64) -> Option<u64> {
        // Its answers cost as much as the longest of them.
        (model != "unpriced").then_some(output_tokens * 2)
    }

    fn stream(&self, request: ModelRequest) -> ModelStream {
        self.requests.lock().expect("no test panics with the requests").push(request);
        let script = self.scripts.lock().expect("no test panics with the scripts").pop_front();
        match script.unwrap_or_else(|| Script::text("ok")) {
            Script::Outputs(outputs) => stream::iter([Ok(done(outputs))]).boxed(),
            Script::Pieces(texts) => {
                let whole = message(&texts.concat());
                pieces(texts).chain(stream::iter([Ok(done(whole))])).boxed()
            }
            Script::Broken(texts, kind) => {
                let error = ModelError::new(kind, "the scripted model broke off");
                pieces(texts).chain(stream::iter([Err(error)])).boxed()
            }
            Script::Held(before, release, after) => {
                let whole = message(&(before.concat() + &after.concat()));
                let rest = pieces(after).chain(stream::iter([Ok(done(whole))]));
                let held = stream::once(async move { release.notified().await })
                    .flat_map(|()| stream::empty());
                pieces(before).chain(held).chain(rest).boxed()
            }
        }
    }
}

fn pieces(texts: Vec<&'static str>) -> BoxStream<'static, Result<ModelPart, ModelError>> {
    let piece =
        |text: &str| ModelPart::Delta { index: 0, kind: PartKind::Text, text: text.to_owned() };
    stream::iter(texts).map(move |text| Ok(piece(text))).boxed()
}

fn message(text: &str) -> Vec<ModelOutput> {
    vec![ModelOutput::Message { text: text.to_owned() }]
}

fn done(outputs: Vec<ModelOutput>) -> ModelPart {
    ModelPart::Done(ModelReply {
        outputs,
        usage: Usage {
            input_tokens: 100,
            cached_input_tokens: 40,
            output_tokens: 10,
            reasoning_tokens: 2,
            cost_microusd: Some(20_000),
        },
        model: "scripted-1".to_owned(),
        stop: StopReason::End,
    })
}
