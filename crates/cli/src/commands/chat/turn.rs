//! One turn of a conversation: the message out, the answer as it comes, questions in between.

use mainstay_client::{Client, ClientError, EventBody, message_input};

use super::answer;
use crate::context;
use crate::failure::Failure;
use crate::live::Live;
use crate::output;

/// How long to wait before a lost server is tried again.
const RECONNECT_WAIT_MS: u64 = 500;
/// How often a lost server is tried again.
const RECONNECT_LIMIT_COUNT: u32 = 120;

/// Sends a message and shows what follows, until the session rests.
pub(super) async fn take(client: &Client, session: &str, message: &str) -> Result<(), Failure> {
    // Followed before anything is sent, so that nothing is missed.
    let mut follower = client.follow(session, None).await?;
    client.send_inputs(session, &[message_input(message)], None).await?;
    let (mut live, mut failures) = (Live::default(), 0);
    loop {
        let event = tokio::select! {
            event = follower.next() => event,
            stopped = tokio::signal::ctrl_c() => {
                stopped?;
                output::note("cancelling");
                client.cancel(session).await?;
                continue;
            }
        };
        let event = match event {
            Ok(event) => event,
            Err(ClientError::Unreachable { .. }) if failures < RECONNECT_LIMIT_COUNT => {
                failures += 1;
                context::pass(RECONNECT_WAIT_MS).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        failures = 0;
        // What the user typed stands on the screen already.
        let is_own = matches!(&event.body, EventBody::ItemAdded(added) if matches!(&added.item, mainstay_client::Item::Message(m) if m.role == "user"));
        if !is_own {
            live.show(&event)?;
        }
        match &event.body {
            EventBody::SessionIdle(_)
            | EventBody::SessionFailed(_)
            | EventBody::SessionBudgetReached(_) => {
                live.end_line()?;
                return Ok(());
            }
            EventBody::SessionRequiresAction(waits) => {
                let inputs = answer::ask(&waits.session.required_actions).await?;
                client.send_inputs(session, &inputs, None).await?;
            }
            _ => {}
        }
    }
}
