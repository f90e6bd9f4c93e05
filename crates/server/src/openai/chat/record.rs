//! What is left of an answer: entries of the journal of the day, a line of the log, and counters.
//!
//! Invariant: every call of a model that a request made is told once, however it ended: answered,
//! failed, or left by the client. The entries are the runtime's to write: none before the model is asked,
//! no answer. A counter's labels are names of the configuration, never the
//! client's.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use mainstay_core::chat::ChatOutcome;
use mainstay_core::port::{ModelReply, ModelRequest};
use mainstay_core::spend::most_tokens;
use mainstay_protocol::{ApiError, ErrorCode, Principal, Usage, canonical_value, sha256_hex};
use mainstay_runtime::{ChatCall, NewChat};

use crate::auth::CallerKey;
use crate::state::AppState;

/// The label of models that are taken without being listed.
const UNLISTED: &str = "other";

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

/// What a model is asked without a session.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// The answer's id.
    pub(crate) id: String,
    /// Models, first choice first.
    pub(crate) route: Vec<String>,
    pub(crate) request: ModelRequest,
}

/// An answer that is being made. What it came to is told when it ends, or when it is dropped.
pub(super) struct Record {
    state: AppState,
    id: String,
    caller: Principal,
    model: String,
    began_at_ms: u64,
    /// None when it is told.
    call: Option<ChatCall>,
}

impl Record {
    /// Begins an answer: a model may be asked when this returns.
    pub(super) async fn begin(
        state: &AppState,
        caller: &Principal,
        key: CallerKey,
        question: &Question,
        body: &[u8],
    ) -> Result<Self, ApiError> {
        let new = NewChat {
            completion: question.id.clone(),
            caller: caller.clone(),
            most_microusd: key.spend_limit.map_or(0, |_| most_microusd(state, question)),
            key: key.id,
            limit: key.spend_limit,
            models: question.route.clone(),
            body_sha256: canonical_sha256(body),
        };
        let began_at_ms = state.now_ms();
        let call = state.engine().begin_chat(new).await?;
        Ok(Self {
            id: question.id.clone(),
            caller: caller.clone(),
            model: question.route.first().cloned().unwrap_or_default(),
            began_at_ms,
            state: state.clone(),
            call: Some(call),
        })
    }

    /// The answer ended by itself, with this model, which may have begun to answer. What is last of it may be shown when this returns.
    pub(super) async fn ended(
        mut self,
        (model, has_begun): (&str, bool),
        answer: &Result<ModelReply, ApiError>,
    ) -> Result<(), ApiError> {
        model.clone_into(&mut self.model);
        let Some(mut ends) = self.call.take() else { return Ok(()) };
        ends.asks(&self.model);
        match answer {
            Ok(reply) => {
                self.tell(ChatOutcome::Completed, reply.usage, None);
                ends.completed(reply.usage).await
            }
            Err(error) => {
                self.tell(ChatOutcome::Failed, Usage::default(), Some(error.code));
                ends.failed(error.code, has_begun).await
            }
        }
    }

    fn tell(&self, outcome: ChatOutcome, usage: Usage, code: Option<ErrorCode>) {
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
        if let Some(mut call) = self.call.take() {
            call.asks(&self.model);
            self.tell(ChatOutcome::Left, Usage::default(), None);
        }
    }
}

/// The most that the answer can cost, whichever of its models gives it.
fn most_microusd(state: &AppState, question: &Question) -> u64 {
    let most = |name: &String| {
        let (model, at_provider) = state.engine().models().find(name)?;
        let (input, output) = most_tokens(&question.request, model.capabilities());
        model.most_microusd(&at_provider, input, output)
    };
    question.route.iter().filter_map(most).max().unwrap_or_default()
}

/// SHA-256 of a body that was read, as canonical JSON.
fn canonical_sha256(body: &[u8]) -> String {
    match serde_json::from_slice(body) {
        Ok(value) => sha256_hex(canonical_value(&value).as_bytes()),
        Err(_) => sha256_hex(body),
    }
}
