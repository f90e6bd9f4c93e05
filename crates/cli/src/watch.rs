//! A session's events over lost connections and restarts, as long as a person would wait.
//!
//! Invariant: what is given up on is a server that did not come back, never one that said no.

use mainstay_client::{Client, ClientError, Event, EventBody, Follower};

use crate::context;
use crate::failure::Failure;
use crate::output;

/// How long to wait before a lost server is tried again.
const RECONNECT_WAIT_MS: u64 = 500;
/// How often a lost server is tried again.
const RECONNECT_LIMIT_COUNT: u32 = 120;

/// A session that is followed.
pub(crate) struct Watch {
    follower: Follower,
    failure_count: u32,
}

impl Watch {
    /// Follows a session behind an event. What is sent afterwards is seen.
    pub(crate) async fn behind(
        client: &Client,
        session: &str,
        after: u64,
    ) -> Result<Self, Failure> {
        let follower = client.follow(session, Some(after)).await?;
        Ok(Self { follower, failure_count: 0 })
    }

    /// The place of the last event that was seen.
    pub(crate) fn at(&self) -> u64 {
        self.follower.at().unwrap_or_default()
    }

    /// The next event. Giving up on it in the middle loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Event, Failure> {
        loop {
            match self.follower.next().await {
                Ok(event) => {
                    self.failure_count = 0;
                    return Ok(event);
                }
                Err(error) if is_passing(&error) && self.failure_count < RECONNECT_LIMIT_COUNT => {
                    self.failure_count += 1;
                    if self.failure_count == 1 {
                        output::note("the server is away; trying again for a minute");
                    }
                    context::pass(RECONNECT_WAIT_MS).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Whether an event says that the session rests.
pub(crate) fn is_rest(event: &Event) -> bool {
    matches!(
        event.body,
        EventBody::SessionIdle(_)
            | EventBody::SessionFailed(_)
            | EventBody::SessionBudgetReached(_)
    )
}

/// Whether a session of this status rests.
pub(crate) fn is_resting(status: &str) -> bool {
    matches!(status, "idle" | "failed" | "budget_reached")
}

/// Whether the same request can succeed in a while.
fn is_passing(error: &ClientError) -> bool {
    error.is_unreachable() || error.code().is_some_and(|code| code.retryable())
}
