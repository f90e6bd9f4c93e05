//! Elicitations: what a server asks the user in the middle of a call, brought to the call.
//!
//! Invariant: an elicitation is answered only with what a person answered to the very same question; a
//! attempt that has no answer yet ends with the question, and a further attempt brings the answer.
//! Deliberately absent: the calls that are kept open meanwhile ([`super::held`]).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mainstay_core::question::{Asked, Question, Replies, ReplyAction};
use rmcp::model::{ElicitRequestParams, ElicitResult, ElicitationAction, ErrorData};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedMutexGuard, mpsc, oneshot};

use crate::tool::cache::lock;

/// What the names of questions begin with that are not the server's own names.
pub(super) const OWN_KEYS: &str = "mainstay/";
/// The most elicitations that wait for one call to look at them.
const MAX_WAITING: usize = 8;
/// How long a server waits for what a person says.
const HOLD_LIMIT_MS: u64 = 900_000;

/// An elicitation on its way to a call.
pub(super) struct Elicited {
    pub(super) asked: ElicitRequestParams,
    pub(super) answer: oneshot::Sender<Result<ElicitResult, ErrorData>>,
}

/// The calls of one connection, to bring a server's questions to.
///
/// The protocol does not say which call a question belongs to. While one call is under way it is that
/// one; a server that has asked once is called once at a time.
#[derive(Default)]
pub(super) struct Desk {
    calls: Mutex<Calls>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Calls {
    next: u64,
    open: BTreeMap<u64, mpsc::Sender<Elicited>>,
    has_asked: bool,
}

/// A call's place at the desk; it is given up when it is dropped.
pub(super) struct Seat {
    desk: Arc<Desk>,
    number: u64,
    pub(super) questions: mpsc::Receiver<Elicited>,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Desk {
    /// A place for a call.
    pub(super) async fn seat(self: &Arc<Self>) -> Seat {
        let has_asked = lock(&self.calls).has_asked;
        let turn = match has_asked {
            true => Some(Arc::clone(&self.turn).lock_owned().await),
            false => None,
        };
        let (sender, questions) = mpsc::channel(MAX_WAITING);
        let mut calls = lock(&self.calls);
        calls.next += 1;
        let number = calls.next;
        calls.open.insert(number, sender);
        Seat { desk: Arc::clone(self), number, questions, _turn: turn }
    }

    /// The answer to a server's question, which the call that it belongs to knows.
    pub(super) async fn elicit(
        &self,
        asked: ElicitRequestParams,
    ) -> Result<ElicitResult, ErrorData> {
        let sender = {
            let mut calls = lock(&self.calls);
            calls.has_asked = true;
            let mut open = calls.open.values();
            match (open.next(), open.next()) {
                (Some(only), None) => Some(only.clone()),
                _ => None,
            }
        };
        // The user did not dismiss it: they said nothing.
        let put_off = || {
            let message = "the user did not answer in time";
            ErrorData::invalid_request(message, None)
        };
        let Some(sender) = sender else {
            tracing::warn!("an MCP server asked the user, and it is not clear for which call");
            return Err(put_off());
        };
        let (answer, answered) = oneshot::channel();
        if sender.try_send(Elicited { asked, answer }).is_err() {
            return Err(put_off());
        }
        let answered = tokio::time::timeout(Duration::from_millis(HOLD_LIMIT_MS), answered).await;
        answered.unwrap_or_else(|_| Ok(Err(put_off()))).unwrap_or_else(|_| Err(put_off()))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.desk.calls).open.remove(&self.number);
    }
}

/// What is asked, with a name that is the same whenever the same is asked.
pub(super) fn named(server: &str, asked: &ElicitRequestParams) -> Result<Asked, String> {
    let question = question(server, asked)?;
    let canonical = serde_json::to_vec(&question).expect("questions have string keys");
    let key = format!("{OWN_KEYS}elicit/{}", hex::encode(&Sha256::digest(canonical)[..16]));
    Ok(Asked { key, question })
}

/// What is asked; an address must be one that a browser opens.
pub(super) fn question(server: &str, asked: &ElicitRequestParams) -> Result<Question, String> {
    let server = server.to_owned();
    match asked {
        ElicitRequestParams::FormElicitationParams { message, requested_schema, .. } => {
            let schema = serde_json::to_value(requested_schema)
                .map_err(|error| format!("the MCP server's form has no shape: {error}"))?;
            Ok(Question::Form { server, message: message.clone(), schema })
        }
        ElicitRequestParams::UrlElicitationParams { message, url, .. } => {
            visit(server, message, url)
        }
        _ => Err("the MCP server asks in a way that this client does not know".to_owned()),
    }
}

/// A question to open an address.
pub(super) fn visit(server: String, message: &str, url: &str) -> Result<Question, String> {
    let parsed = super::source::parse_url(url)
        .map_err(|reason| format!("the MCP server asks the user to open something: {reason}"))?;
    Ok(Question::Visit { server, message: message.to_owned(), url: parsed.to_string() })
}

/// The answer to a question that was asked before.
pub(super) fn known(replies: &Replies, key: &str) -> Option<ElicitResult> {
    let reply = replies.to(key)?;
    let mut result = ElicitResult::new(match reply.action {
        ReplyAction::Accept => ElicitationAction::Accept,
        ReplyAction::Decline => ElicitationAction::Decline,
        ReplyAction::Cancel => ElicitationAction::Cancel,
    });
    result.content.clone_from(&reply.content);
    Some(result)
}

/// The answers to the questions that the server named itself, as it wants them back.
pub(super) fn responses(replies: &Replies) -> Option<BTreeMap<String, Value>> {
    let named = replies.replies.iter().filter(|reply| !reply.key.starts_with(OWN_KEYS));
    let answers: BTreeMap<String, Value> = named
        .map(|reply| {
            let mut answer = json!({ "action": reply.action });
            if let Some(content) = &reply.content {
                answer["content"] = content.clone();
            }
            (reply.key.clone(), answer)
        })
        .collect();
    (!answers.is_empty()).then_some(answers)
}
