//! One call of a model without a session: attempts, waits, and the next model of the route.
//!
//! Invariant: an attempt is made again only while nothing of the one before was shown; a wait that
//! would be longer than [`MAX_WAIT_MS`] is not made, because somebody holds a connection open. The
//! parts of an answer all come from one attempt. Dropping it ends the call.

use std::collections::VecDeque;

use futures::StreamExt;
use mainstay_core::port::{ModelError, ModelErrorKind, ModelPart, ModelRequest, ModelStream};
use mainstay_core::retry::{MODEL_MAX_ATTEMPTS, backoff_ms};
use mainstay_protocol::{ApiError, ErrorCode, IdMint};

use crate::state::AppState;

/// The longest wait before an attempt.
const MAX_WAIT_MS: u64 = 10_000;

/// A call under way.
pub(crate) struct Call {
    state: AppState,
    mint: IdMint,
    request: ModelRequest,
    /// The model that is asked.
    model: String,
    /// Those behind it.
    rest: VecDeque<String>,
    attempt: u32,
    stream: Option<ModelStream>,
    /// When the next attempt begins.
    begins_at_ms: u64,
    ends_at_ms: u64,
    is_shown: bool,
    has_begun: bool,
}

impl Call {
    /// A call that begins when it is first asked for a part. The route has a model at least.
    pub(crate) fn new(state: &AppState, route: Vec<String>, request: ModelRequest) -> Self {
        let mut rest = VecDeque::from(route);
        let model = rest.pop_front().unwrap_or_default();
        Self {
            mint: state.mint(),
            ends_at_ms: state.now_ms().saturating_add(request.timeout_ms),
            state: state.clone(),
            request,
            model,
            rest,
            attempt: 1,
            stream: None,
            begins_at_ms: 0,
            is_shown: false,
            has_begun: false,
        }
    }

    /// The model that is asked, or has answered.
    pub(super) fn model(&self) -> &str {
        &self.model
    }

    /// The same, and whether any had begun to answer.
    pub(super) fn stands(&self) -> (&str, bool) {
        (&self.model, self.has_begun)
    }

    /// Something of the answer was shown: from now on a failure is final.
    pub(super) fn was_shown(&mut self) {
        self.is_shown = true;
    }

    /// The next part. A caller may give up waiting and ask again.
    pub(crate) async fn next(&mut self) -> Result<ModelPart, ApiError> {
        loop {
            if let Some(part) = self.attempt().await? {
                return Ok(part);
            }
        }
    }

    /// The next part of this attempt; none when another is to be made.
    async fn attempt(&mut self) -> Result<Option<ModelPart>, ApiError> {
        let clock = self.state.engine().clock().clone();
        if self.stream.is_none() {
            if self.begins_at_ms > 0 {
                clock.sleep_until(self.begins_at_ms).await;
            }
            let stream = self.begin()?;
            self.stream = Some(stream);
        }
        let Some(stream) = &mut self.stream else { return Ok(None) };
        let part = tokio::select! {
            biased;
            part = stream.next() => part,
            () = clock.sleep_until(self.ends_at_ms) => {
                let message = format!("the model did not answer within {} ms", self.request.timeout_ms);
                return Err(ApiError::new(ErrorCode::ModelUnavailable, message));
            }
        };
        let error = match part {
            Some(Ok(part)) => {
                self.has_begun = true;
                return Ok(Some(part));
            }
            Some(Err(error)) => error,
            None => {
                let message = "the model's stream ended before its answer did";
                ModelError::new(ModelErrorKind::Unavailable, message)
            }
        };
        self.stream = None;
        self.go_on(&error)?;
        Ok(None)
    }

    fn begin(&mut self) -> Result<ModelStream, ApiError> {
        let Some((model, at_provider)) = self.state.engine().models().find(&self.model) else {
            let message = format!("no configured provider offers the model {:?}", self.model);
            return Err(ApiError::new(ErrorCode::ModelNotFound, message));
        };
        Ok(model.stream(ModelRequest { model: at_provider, ..self.request.clone() }))
    }

    /// What comes after a failed attempt: another, the next model, or the failure.
    fn go_on(&mut self, error: &ModelError) -> Result<(), ApiError> {
        let (code, retryable) = judged(error.kind);
        let failure = ApiError::new(code, error.message.clone());
        if self.is_shown {
            return Err(failure);
        }
        let wait_ms = backoff_ms(self.attempt, error.retry_after_ms, &mut self.mint);
        if retryable && self.attempt < MODEL_MAX_ATTEMPTS && wait_ms <= MAX_WAIT_MS {
            self.attempt += 1;
            self.begins_at_ms = self.state.now_ms().saturating_add(wait_ms);
            return Ok(());
        }
        let Some(next) = self.rest.pop_front() else { return Err(failure) };
        tracing::debug!(from = %self.model, to = %next, %failure, "a chat completion goes to the next model");
        self.model = next;
        self.attempt = 1;
        self.begins_at_ms = 0;
        Ok(())
    }
}

fn judged(kind: ModelErrorKind) -> (ErrorCode, bool) {
    match kind {
        ModelErrorKind::RateLimited => (ErrorCode::ModelRateLimited, true),
        ModelErrorKind::Unavailable => (ErrorCode::ModelUnavailable, true),
        ModelErrorKind::Garbled => (ErrorCode::ModelInvalid, true),
        ModelErrorKind::ContextTooLong => (ErrorCode::ContextTooLong, false),
        ModelErrorKind::Refused => (ErrorCode::ModelRefused, false),
        ModelErrorKind::Invalid => (ErrorCode::ModelInvalid, false),
    }
}
