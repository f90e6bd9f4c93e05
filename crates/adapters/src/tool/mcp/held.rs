//! Calls whose server waits for what a person says, kept open meanwhile.
//!
//! Invariant: a call that was kept is gone on with once, on the connection it was made on, or it is lost;
//! that it was kept stands in the question, so that whoever finds nothing kept knows that it was made.
//! Deliberately absent: keeping anything over the end of the process.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use mainstay_core::port::{ToolCall, ToolError, WorldChange};
use mainstay_core::question::Replies;
use mainstay_core::tool::Safety;
use mainstay_protocol::EffectId;
use rmcp::ServiceError;
use rmcp::model::{CallToolRequestParams, CallToolResponse, ElicitResult, ErrorData};
use tokio::sync::oneshot;

use super::connection::Connection;
use super::elicit::{OWN_KEYS, known};
use crate::tool::cache::lock;

/// The most calls that are kept open; a connection carries more than these.
const MAX_HELD_CALLS: usize = 32;

/// An answer on its way.
pub(super) type Answering =
    Pin<Box<dyn Future<Output = Result<CallToolResponse, ServiceError>> + Send>>;

/// Makes a call; what it answers comes whoever waits for it.
pub(super) fn make(connection: &Connection, params: CallToolRequestParams) -> Answering {
    let peer = connection.peer().clone();
    Box::pin(async move { peer.call_tool_once(params).await })
}

/// A call whose server waits.
pub(super) struct HeldCall {
    pub(super) connection: Arc<Connection>,
    pub(super) answering: Answering,
    /// The question's name.
    pub(super) key: String,
    pub(super) answer: oneshot::Sender<Result<ElicitResult, ErrorData>>,
}

impl HeldCall {
    /// Tells the server what the person said; none when it does not wait any more.
    fn answered(self, replies: &Replies) -> Option<(Arc<Connection>, Answering)> {
        let reply = known(replies, &self.key)?;
        if self.connection.is_closed() || self.answer.send(Ok(reply)).is_err() {
            return None;
        }
        Some((self.connection, self.answering))
    }
}

/// What becomes of a call that may have been kept.
pub(super) enum Resumed {
    /// It goes on.
    GoesOn(Arc<Connection>, Answering),
    /// It is made: for the first time, or again without harm.
    Anew,
}

/// The calls that are kept.
#[derive(Default)]
pub(super) struct HeldCalls {
    calls: Mutex<BTreeMap<EffectId, HeldCall>>,
}

impl HeldCalls {
    /// Keeps a call, if there is room: else its server is told that it is cancelled.
    pub(super) fn keep(&self, effect: &EffectId, call: HeldCall) {
        let mut calls = lock(&self.calls);
        // The servers of these stopped waiting.
        calls.retain(|_, held| !held.answer.is_closed());
        if calls.len() < MAX_HELD_CALLS {
            calls.insert(effect.clone(), call);
        }
    }

    /// Goes on with what the attempt before left open.
    ///
    /// # Errors
    /// That is lost, and the call may not be made twice.
    pub(super) fn resume(&self, call: &ToolCall) -> Result<Resumed, ToolError> {
        let held = lock(&self.calls).remove(&call.effect);
        let replies = &call.context.replies;
        if let Some((connection, answering)) = held.and_then(|held| held.answered(replies)) {
            return Ok(Resumed::GoesOn(connection, answering));
        }
        let before = call.attempt.checked_sub(1).map(mark);
        let was_made = before.is_some() && replies.state == before;
        if was_made && call.spec.safety == Safety::Once {
            return Err(lost());
        }
        Ok(Resumed::Anew)
    }
}

/// What the questions of a call that is kept carry: the attempt that made it.
pub(super) fn mark(attempt: u32) -> String {
    format!("{OWN_KEYS}made/{attempt}")
}

/// The state that is the server's own.
pub(super) fn servers_state(replies: &Replies) -> Option<String> {
    replies.state.clone().filter(|state| !state.starts_with(OWN_KEYS))
}

fn lost() -> ToolError {
    ToolError {
        message: "the MCP server asked something in the middle of the call, and the connection on \
                  which it waited for the answer ended"
            .to_owned(),
        retryable: false,
        world: WorldChange::Maybe,
        retry_after_ms: None,
        needs: None,
    }
}
