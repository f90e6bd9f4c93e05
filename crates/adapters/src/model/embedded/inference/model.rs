//! The model port over the worker.
//!
//! Invariant: nothing is loaded before the first call; dropping a stream ends its call within one
//! token, or one batch of the prompt.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use mainstay_core::port::{
    Model, ModelCapabilities, ModelError, ModelErrorKind, ModelPart, ModelRequest, ModelStream,
};
use tokio::time::{Sleep, sleep};

use super::settings::EmbeddedSettings;
use super::worker::{Parts, Worker, gone};

/// The models inside the binary, of which one at a time is in memory.
#[derive(Clone)]
pub struct EmbeddedModels {
    worker: Arc<Worker>,
}

impl EmbeddedModels {
    /// None yet. `max_waiting_calls` wait behind the running one; more are refused.
    #[must_use]
    pub fn new(max_waiting_calls: usize) -> Self {
        Self { worker: Arc::new(Worker::new(max_waiting_calls)) }
    }

    /// One more.
    #[must_use]
    pub fn model(&self, settings: EmbeddedSettings) -> EmbeddedModel {
        EmbeddedModel { worker: self.worker.clone(), settings: Arc::new(settings) }
    }
}

/// A model inside the binary. It is loaded when it is asked and not in memory.
#[derive(Clone)]
pub struct EmbeddedModel {
    worker: Arc<Worker>,
    settings: Arc<EmbeddedSettings>,
}

impl EmbeddedModel {
    /// Loads the model now, and says whether it can be used.
    pub async fn load(&self) -> Result<(), ModelError> {
        self.worker.load(&self.settings).await
    }
}

impl Model for EmbeddedModel {
    fn capabilities(&self) -> ModelCapabilities {
        ModelCapabilities {
            context_tokens: u64::from(self.settings.context_tokens),
            max_output_tokens: u64::from(self.settings.max_output_tokens),
            tools: true,
            images: false,
        }
    }

    fn stream(&self, request: ModelRequest) -> ModelStream {
        let model = self.clone();
        let timeout_ms = request.timeout_ms;
        let answer = async move {
            match model.worker.answer(&model.settings, request) {
                Ok(parts) => bounded(parts, timeout_ms),
                Err(error) => stream::once(async { Err(error) }).boxed(),
            }
        };
        stream::once(answer).flatten().boxed()
    }
}

/// An answer that is being read.
struct Reading {
    parts: Parts,
    deadline: Pin<Box<Sleep>>,
    timeout_ms: u64,
    is_over: bool,
}

/// The parts, until the last one or the end of the call's time.
fn bounded(parts: Parts, timeout_ms: u64) -> BoxStream<'static, Result<ModelPart, ModelError>> {
    #[expect(
        clippy::disallowed_methods,
        reason = "bounds a real computation, decides nothing; a simulation has no such model"
    )]
    let deadline = Box::pin(sleep(Duration::from_millis(timeout_ms)));
    let reading = Reading { parts, deadline, timeout_ms, is_over: false };
    stream::unfold(reading, |mut reading| async move {
        if reading.is_over {
            return None;
        }
        let part = reading.next().await;
        reading.is_over = matches!(part, Ok(ModelPart::Done(_)) | Err(_));
        Some((part, reading))
    })
    .boxed()
}

impl Reading {
    async fn next(&mut self) -> Result<ModelPart, ModelError> {
        tokio::select! {
            part = self.parts.recv() => part.unwrap_or_else(|| Err(gone())),
            () = &mut self.deadline => {
                // The thread notices before its next token.
                self.parts.close();
                let message = format!("no answer of the embedded model within {} ms", self.timeout_ms);
                Err(ModelError::new(ModelErrorKind::Unavailable, message))
            }
        }
    }
}
