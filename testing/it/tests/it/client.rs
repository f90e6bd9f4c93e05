//! A client that does not give up: it sends each input until it is taken, and follows its session
//! over every crash.
//!
//! Invariant: an input has one idempotency key however often it is sent, and a stream is resumed
//! behind the last event that came.

use std::sync::Arc;
use std::time::Duration;

use mainstay_it::harness::{Connection, Feed, Target, message_event, post_events};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::timeout;

/// Bound on whatever a test waits for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(50);

/// The server that runs now, if one does.
pub(crate) type Running = watch::Receiver<Option<Arc<Target>>>;

/// An event that came, as far as tests compare it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Its number; none for what is not kept.
    pub(crate) id: Option<u64>,
    pub(crate) event_id: String,
    pub(crate) kind: String,
}

/// One client of one session.
pub(crate) struct Client {
    pub(crate) session: String,
    running: Running,
    feed: Option<(Arc<Target>, Feed)>,
    /// The last event that has a number.
    last: u64,
    /// Everything that came.
    pub(crate) seen: Vec<Seen>,
}

impl Client {
    /// A client that follows a session from its first event.
    pub(crate) fn new(session: &str, running: Running) -> Self {
        Self { session: session.to_owned(), running, feed: None, last: 0, seen: Vec::new() }
    }

    /// Has one turn after another.
    pub(crate) async fn converse(mut self, messages: Vec<String>) -> Self {
        for (number, message) in messages.iter().enumerate() {
            let key = format!("input-{number}");
            self.send(&key, message).await;
            self.rest().await;
        }
        self
    }

    /// Sends a message until the server says that it has it.
    async fn send(&mut self, key: &str, message: &str) {
        let events = [message_event(message)];
        loop {
            let target = self.target().await;
            let Ok(mut connection) = Connection::open(&target).await else {
                self.gone(&target).await;
                continue;
            };
            match post_events(&mut connection, &self.session, &events, Some(key)).await {
                Ok(answer) if answer.status == 202 => return,
                // The server stops, or is at its limits: neither says that it has the message.
                Ok(answer) if answer.status == 503 || answer.status == 429 => {
                    tokio::task::yield_now().await;
                }
                Ok(answer) => panic!("a message was refused: {answer:?}"),
                Err(_) => self.gone(&target).await,
            }
        }
    }

    /// Follows until the turn has ended and the session rests.
    async fn rest(&mut self) {
        let mut has_ended = false;
        loop {
            let kind = self.next().await;
            match kind.as_str() {
                "agent.session.turn.completed" => has_ended = true,
                "agent.session.turn.failed" | "agent.session.failed" => {
                    panic!("the turn failed: {:?}", self.seen)
                }
                "agent.session.idle" if has_ended => return,
                _ => {}
            }
        }
    }

    /// The type of the next event, on as many connections as it takes.
    async fn next(&mut self) -> String {
        loop {
            if self.feed.is_none() {
                let target = self.target().await;
                let Ok(feed) = Feed::open(&target, &self.session, Some(self.last)).await else {
                    self.gone(&target).await;
                    continue;
                };
                self.feed = Some((target, feed));
            }
            let Some((target, feed)) = &mut self.feed else { continue };
            match feed.next().await {
                Ok(Some(frame)) => {
                    let event = frame.json().expect("events are JSON");
                    let text = |name: &str| event[name].as_str().map(str::to_owned);
                    let kind = text("type").expect("events have types");
                    let event_id = text("event_id").expect("events have ids");
                    self.last = frame.id.unwrap_or(self.last);
                    self.seen.push(Seen { id: frame.id, event_id, kind: kind.clone() });
                    return kind;
                }
                Ok(None) | Err(_) => {
                    // The server that this feed came from, which may be gone for long.
                    let target = target.clone();
                    self.feed = None;
                    self.gone(&target).await;
                }
            }
        }
    }

    /// The server that runs, once one does.
    async fn target(&mut self) -> Arc<Target> {
        let running = timeout(PATIENCE, self.running.wait_for(Option::is_some)).await;
        let running = running.expect("a server comes").expect("the test lives");
        running.clone().expect("waited for one")
    }

    /// What talked to a server failed. Waits for another one, unless that came already.
    async fn gone(&mut self, old: &Arc<Target>) {
        let is_other =
            |now: &Option<Arc<Target>>| now.as_ref().is_none_or(|now| !Arc::ptr_eq(now, old));
        // The test kills the server before this is told; where it does not, the failure was not its.
        let told = timeout(PATIENCE, self.running.wait_for(is_other)).await;
        told.expect("the server failed a client and lives on").expect("the test lives");
    }
}

/// Everything that a session shows when it is followed from its beginning, until it rests.
pub(crate) async fn replay(target: &Arc<Target>, session: &str, until: u64) -> Vec<Seen> {
    let mut feed = Feed::open(target, session, Some(0)).await.expect("the stream opens");
    let mut seen = Vec::new();
    loop {
        let frame = feed.next().await.expect("the stream goes on").expect("the stream stays open");
        let event: Value = frame.json().expect("events are JSON");
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        seen.push(Seen { id: frame.id, event_id: text("event_id"), kind: text("type") });
        if frame.id.is_some_and(|id| id >= until) {
            return seen;
        }
    }
}
