//! Chat completions: what each leaves in its tenant's journal of the day, and what it costs its key.
//!
//! Invariant: a model is asked behind the commit of `chat.requested`, and the end of an answer is shown
//! behind that of `chat.ended`. What a key has spent and reserved changes in the commits of these
//! entries, by one writer of a tenant's at a time, so that calls side by side spend nothing twice. A call
//! whose cost nobody knows counts with what was reserved. Deliberately absent: asking the model.

mod desk;
mod draft;
mod ledger;
mod read;
mod settle;

use std::sync::Arc;

use mainstay_core::chat::ChatOutcome;
use mainstay_core::spend::KeySpendLimit;
use mainstay_protocol::{ApiError, ErrorCode, KeyId, Principal, Usage};
use tokio::sync::oneshot;

pub(crate) use self::desk::Books;
pub use self::read::ChatDayPage;
pub(crate) use self::settle::start;
use crate::engine::{Engine, Inner};

/// A chat completion that is asked for.
#[derive(Debug, Clone)]
pub struct NewChat {
    /// Its id.
    pub completion: String,
    /// Who asks.
    pub caller: Principal,
    /// With which key.
    pub key: KeyId,
    /// What the key may spend.
    pub limit: Option<KeySpendLimit>,
    /// The models that may be asked, first choice first.
    pub models: Vec<String>,
    /// SHA-256 of the request's body as canonical JSON.
    pub body_sha256: String,
    /// The most that the call can cost; 0 of models without a price.
    pub most_microusd: u64,
}

/// A chat completion under way. Dropped without an end, it was left by its client.
pub struct ChatCall {
    inner: Arc<Inner>,
    end: Option<CallEnd>,
}

/// How a call ends.
#[derive(Debug, Clone)]
struct CallEnd {
    completion: String,
    caller: Principal,
    outcome: ChatOutcome,
    code: Option<ErrorCode>,
    model: Option<String>,
    usage: Option<Usage>,
    counts: Counts,
}

/// What a limit counts for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// What it cost.
    Cost(u64),
    /// All that was reserved: nobody knows what it cost.
    Reserved,
}

impl Engine {
    /// Lets a chat completion begin: its model may be asked when this returns.
    pub async fn begin_chat(&self, new: NewChat) -> Result<ChatCall, ApiError> {
        let (reply, answer) = oneshot::channel();
        desk::begin(self.inner(), new, reply)?;
        let mut call = answer.await.map_err(|_| stopped())??;
        if let Some(end) = &mut call.end {
            end.counts = Counts::Reserved;
        }
        Ok(call)
    }
}

impl ChatCall {
    fn new(inner: Arc<Inner>, new: &NewChat) -> Self {
        let end = CallEnd {
            completion: new.completion.clone(),
            caller: new.caller.clone(),
            outcome: ChatOutcome::Left,
            code: None,
            model: None,
            usage: None,
            // Nobody asked a model yet.
            counts: Counts::Cost(0),
        };
        Self { inner, end: Some(end) }
    }

    /// The model that is asked now.
    pub fn asks(&mut self, model: &str) {
        if let Some(end) = &mut self.end
            && end.model.as_deref() != Some(model)
        {
            end.model = Some(model.to_owned());
        }
    }

    /// The model answered. What is last of the answer may be shown when this returns.
    pub async fn completed(self, usage: Usage) -> Result<(), ApiError> {
        let cost_microusd = usage.cost_microusd.unwrap_or_default();
        let change = |end: &mut CallEnd| {
            end.outcome = ChatOutcome::Completed;
            end.usage = Some(usage);
            end.counts = Counts::Cost(cost_microusd);
        };
        self.ended(change).await
    }

    /// No model answered. It costs nothing if none had begun to.
    pub async fn failed(self, code: ErrorCode, has_begun: bool) -> Result<(), ApiError> {
        let change = |end: &mut CallEnd| {
            end.outcome = ChatOutcome::Failed;
            end.code = Some(code);
            end.counts = if has_begun { Counts::Reserved } else { Counts::Cost(0) };
        };
        self.ended(change).await
    }

    async fn ended(mut self, change: impl FnOnce(&mut CallEnd)) -> Result<(), ApiError> {
        let Some(mut end) = self.end.take() else { return Ok(()) };
        change(&mut end);
        let (reply, answer) = oneshot::channel();
        desk::end(&self.inner, end, Some(reply));
        answer.await.map_err(|_| stopped())?
    }
}

impl Drop for ChatCall {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            desk::end(&self.inner, end, None);
        }
    }
}

fn stopped() -> ApiError {
    ApiError::new(ErrorCode::ShuttingDown, "the server is stopping")
}
