//! One turn of a conversation: the message out, the answer as it comes, questions in between.

use mainstay_client::{Client, ClientError, EventBody, Item, message_input};
use mainstay_core::port::Entropy;
use mainstay_protocol::ErrorCode;
use mainstay_runtime::OsEntropy;
use serde_json::Value;

use super::answer;
use crate::context;
use crate::failure::Failure;
use crate::live::Live;
use crate::output;
use crate::watch::{self, Watch};

/// How long to wait before an input is sent again.
const SEND_WAIT_MS: u64 = 500;
/// How often an input is sent to a server that does not answer.
const SEND_LIMIT_COUNT: u32 = 20;

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// With an answer.
    Answered,
    /// Without one.
    Unanswered,
}

/// Answers what the session waits for, sends a message if there is one, and shows what follows until
/// the session rests.
pub(super) async fn take(
    client: &Client,
    session: &str,
    message: Option<&str>,
) -> Result<Ended, Failure> {
    let known = client.session(session).await?;
    let answers = answer::ask(&known.required_actions).await?;
    // Behind what was there before anything is sent, so that nothing is missed.
    let mut watch = Watch::behind(client, session, known.sequence_number).await?;
    send(client, session, &answers).await?;
    send(client, session, message.map(message_input).as_slice()).await?;
    let (mut live, mut ended) = (Live::default(), Ended::Answered);
    loop {
        let event = tokio::select! {
            event = watch.next() => event?,
            stopped = tokio::signal::ctrl_c() => {
                stopped?;
                live.end_line()?;
                output::note("cancelling");
                client.cancel(session).await?;
                continue;
            }
        };
        if let EventBody::SessionRequiresAction(waits) = &event.body {
            live.end_line()?;
            let inputs = answer::ask(&waits.session.required_actions).await?;
            send(client, session, &inputs).await?;
            continue;
        }
        if !is_own(&event.body) {
            live.show(&event)?;
        }
        match &event.body {
            EventBody::TurnCompleted(_) => ended = Ended::Answered,
            EventBody::TurnFailed(_) | EventBody::TurnCancelled(_) => ended = Ended::Unanswered,
            _ => {}
        }
        if watch::is_rest(&event) {
            live.end_line()?;
            let is_idle = matches!(event.body, EventBody::SessionIdle(_));
            return Ok(if is_idle { ended } else { Ended::Unanswered });
        }
    }
}

/// What the user typed stands on the screen already.
fn is_own(body: &EventBody) -> bool {
    match body {
        EventBody::ItemAdded(added) => {
            matches!(&added.item, Item::Message(message) if message.role == "user")
        }
        _ => false,
    }
}

/// Sends inputs until the server says that it has them, once whatever is lost on the way.
async fn send(client: &Client, session: &str, inputs: &[Value]) -> Result<(), Failure> {
    if inputs.is_empty() {
        return Ok(());
    }
    let key = format!("chat-{:032x}", OsEntropy.next());
    let mut failure_count = 0;
    loop {
        match client.send_inputs(session, inputs, Some(&key)).await {
            Ok(()) => return Ok(()),
            Err(error) if is_answered(&error) => {
                output::note("somebody else has answered");
                return Ok(());
            }
            Err(error) if error.is_unreachable() && failure_count < SEND_LIMIT_COUNT => {
                failure_count += 1;
                if failure_count == 1 {
                    output::note("the server is away; trying again for ten seconds");
                }
                context::pass(SEND_WAIT_MS).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_answered(error: &ClientError) -> bool {
    matches!(error.code(), Some(ErrorCode::CallAlreadyAnswered | ErrorCode::CallNotWaiting))
}
