//! What is left of an answer: a line of the log, and counters.
//!
//! Invariant: every call of a model that a request made is told once, however it ended: answered,
//! failed, or left by the client. A counter's labels are names of the configuration, never the
//! client's.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use mainstay_core::port::ModelReply;
use mainstay_protocol::{ApiError, ErrorCode, Principal, Usage};

use super::request::Asked;
use crate::state::AppState;

/// The label of models that are taken without being listed.
const UNLISTED: &str = "other";

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ChatOutcome {
    /// The model answered.
    Completed,
    /// It did not.
    Failed,
    /// The client did not wait for it.
    Left,
}

impl ChatOutcome {
    /// As counters and the log name it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Left => "left",
        }
    }
}

/// Counters of answers and tokens by model.
#[derive(Debug, Default)]
pub(crate) struct ChatMeters {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    answers: BTreeMap<(Box<str>, ChatOutcome), u64>,
    tokens: BTreeMap<Box<str>, Usage>,
}

impl ChatMeters {
    fn ended(&self, model: &str, outcome: ChatOutcome, usage: Usage) {
        let mut counts = self.lock();
        *counts.answers.entry((model.into(), outcome)).or_default() += 1;
        counts.tokens.entry(model.into()).or_default().add(usage);
    }

    /// Answers by model and how they ended.
    pub(crate) fn answers(&self) -> Vec<(Box<str>, ChatOutcome, u64)> {
        let counts = self.lock();
        counts.answers.iter().map(|((model, ended), n)| (model.clone(), *ended, *n)).collect()
    }

    /// Tokens by model.
    pub(crate) fn tokens(&self) -> Vec<(Box<str>, Usage)> {
        self.lock().tokens.iter().map(|(model, usage)| (model.clone(), *usage)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().expect("no code panics while it holds the counters")
    }
}

/// An answer that is being made. What it came to is told when it ends, or when it is dropped.
pub(super) struct Record {
    state: AppState,
    id: String,
    caller: Principal,
    model: String,
    began_at_ms: u64,
    is_told: bool,
}

impl Record {
    pub(super) fn new(state: &AppState, caller: &Principal, asked: &Asked) -> Self {
        Self {
            id: asked.head.id.clone(),
            caller: caller.clone(),
            model: asked.route.first().cloned().unwrap_or_default(),
            began_at_ms: state.now_ms(),
            state: state.clone(),
            is_told: false,
        }
    }

    /// The answer ended by itself.
    pub(super) fn ended(mut self, model: &str, answer: &Result<ModelReply, ApiError>) {
        model.clone_into(&mut self.model);
        match answer {
            Ok(reply) => self.tell(ChatOutcome::Completed, reply.usage, None),
            Err(error) => self.tell(ChatOutcome::Failed, Usage::default(), Some(error.code)),
        }
    }

    fn tell(&mut self, outcome: ChatOutcome, usage: Usage, code: Option<ErrorCode>) {
        self.is_told = true;
        let models = self.state.engine().models().list();
        let listed = models.iter().any(|info| info.name == self.model);
        let label = if listed { self.model.as_str() } else { UNLISTED };
        self.state.meters().chat.ended(label, outcome, usage);
        tracing::info!(
            completion = %self.id,
            tenant = %self.caller.tenant,
            principal = %self.caller.id,
            model = %self.model,
            outcome = outcome.as_str(),
            code = code.map(ErrorCode::as_str),
            input_tokens = usage.input_tokens,
            output_tokens = usage.output_tokens,
            cost_microusd = usage.cost_microusd,
            duration_ms = self.state.now_ms().saturating_sub(self.began_at_ms),
            "a chat completion ended"
        );
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if !self.is_told {
            self.tell(ChatOutcome::Left, Usage::default(), None);
        }
    }
}
