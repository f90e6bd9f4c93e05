//! One live connection of an executor: questions and their answers.
//!
//! Invariant: a question is answered, fails with the connection, or fails with its time; at most
//! [`MAX_OPEN_QUESTIONS`] are open. Deliberately absent: processes, which outlive connections.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use mainstay_core::port::{Clock, SandboxError};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::rpc::{EnvironmentInfo, Request, RpcError};

/// How long an executor may take to answer one question.
const ANSWER_TIMEOUT_MS: u64 = 30_000;
/// How many messages wait to be sent.
pub(super) const OUTGOING_LIMIT_COUNT: usize = 256;
/// How many questions wait for their answers.
const MAX_OPEN_QUESTIONS: usize = 1_024;

type Answer = Result<Value, RpcError>;

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// The executor refused or failed.
    #[error("{0}")]
    Refused(#[from] RpcError),
    /// The connection broke, so that nobody knows whether it was done.
    #[error("the executor's connection broke")]
    Broken,
    /// It did not come in time.
    #[error("the executor did not answer within {ANSWER_TIMEOUT_MS} ms")]
    Late,
    /// Too many wait.
    #[error("the executor has too many questions to answer")]
    Full,
    /// It is not of the shape that it must have.
    #[error("the executor's answer cannot be read: {0}")]
    Unreadable(String),
}

impl From<CallError> for SandboxError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(error) => Self::Invalid(error.message),
            CallError::Full => Self::LimitReached(error.to_string()),
            CallError::Broken | CallError::Late | CallError::Unreadable(_) => {
                Self::Broken(error.to_string())
            }
        }
    }
}

/// A live connection.
pub(super) struct Link {
    clock: Arc<dyn Clock>,
    outgoing: mpsc::Sender<String>,
    questions: Mutex<HashMap<u64, oneshot::Sender<Answer>>>,
    number: AtomicU64,
    /// Ends the connection, and is ended with it.
    pub(super) closed: CancellationToken,
    introduced: Mutex<Introduced>,
}

#[derive(Default, Clone)]
struct Introduced {
    session: String,
    info: EnvironmentInfo,
}

impl Link {
    pub(super) fn new(clock: Arc<dyn Clock>, outgoing: mpsc::Sender<String>) -> Self {
        Self {
            clock,
            outgoing,
            questions: Mutex::default(),
            number: AtomicU64::new(0),
            closed: CancellationToken::new(),
            introduced: Mutex::default(),
        }
    }

    /// What the executor said of itself.
    pub(super) fn introduce(&self, session: String, info: EnvironmentInfo) {
        *self.introduced.lock().expect("no code panics while it holds it") =
            Introduced { session, info };
    }

    fn introduced(&self) -> Introduced {
        self.introduced.lock().expect("no code panics while it holds it").clone()
    }

    /// The executor's own session, in which it knows its processes.
    pub(super) fn session(&self) -> String {
        self.introduced().session
    }

    /// The executor's folder for what is soon forgotten, a URL.
    pub(super) fn temp_dir(&self) -> String {
        self.introduced().info.temp_dir.unwrap_or_else(|| "file:///tmp".to_owned())
    }

    /// Asks, and reads the answer.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        method: &str,
        params: Value,
    ) -> Result<T, CallError> {
        let answer = self.call(method, params).await?;
        serde_json::from_value(answer).map_err(|error| CallError::Unreadable(error.to_string()))
    }

    /// Asks.
    pub(super) async fn call(&self, method: &str, params: Value) -> Result<Value, CallError> {
        let id = self.number.fetch_add(1, Ordering::Relaxed) + 1;
        let _open = Open { link: self, id };
        let (sender, answer) = oneshot::channel();
        {
            let mut questions = self.questions();
            if questions.len() >= MAX_OPEN_QUESTIONS {
                return Err(CallError::Full);
            }
            questions.insert(id, sender);
        }
        let text = message(&Request { id: Some(id), method, params });
        let deadline = self.clock.now_ms().saturating_add(ANSWER_TIMEOUT_MS);
        tokio::select! {
            biased;
            answer = async {
                self.outgoing.send(text).await.map_err(|_| CallError::Broken)?;
                answer.await.map_err(|_| CallError::Broken)
            } => Ok(answer??),
            () = self.closed.cancelled() => Err(CallError::Broken),
            () = self.clock.sleep_until(deadline) => Err(CallError::Late),
        }
    }

    /// Says something that is not answered, if there is room for it.
    pub(super) fn tell(&self, method: &str, params: Value) {
        let text = message(&Request { id: None, method, params });
        let _ = self.outgoing.try_send(text);
    }

    /// Asks for something whose answer nobody waits for, if there is room for it.
    pub(super) fn urge(&self, method: &str, params: Value) {
        let id = self.number.fetch_add(1, Ordering::Relaxed) + 1;
        let text = message(&Request { id: Some(id), method, params });
        let _ = self.outgoing.try_send(text);
    }

    /// An answer came.
    pub(super) fn answered(&self, id: u64, answer: Answer) {
        if let Some(question) = self.questions().remove(&id) {
            let _ = question.send(answer);
        }
    }

    fn questions(&self) -> std::sync::MutexGuard<'_, HashMap<u64, oneshot::Sender<Answer>>> {
        self.questions.lock().expect("no code panics while it holds the questions")
    }
}

/// A question that is forgotten when nobody waits for its answer any more.
struct Open<'a> {
    link: &'a Link,
    id: u64,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.link.questions().remove(&self.id);
    }
}

fn message(request: &Request<'_>) -> String {
    serde_json::to_string(request).expect("a request is texts and numbers")
}
