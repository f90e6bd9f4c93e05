//! Following a response: its events as a stream, or its end.
//!
//! Invariant: the feed is attached before the answer begins; a stream ends with the response.

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use mainstay_core::port::Clock;
use mainstay_protocol::{ApiError, ErrorCode, Principal};
use mainstay_runtime::{Feed, FeedItem, FollowFrom};
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::forget::Forgetting;
use super::project::{Head, Place, ResponseFold};
use super::rows::primed;
use crate::limits::KEEP_ALIVE_MS;
use crate::openai::wire::{ErrorObject, SSE_KEEP_ALIVE};
use crate::sse::{self, Frames};
use crate::state::AppState;

/// A response whose request is durable.
pub(super) struct Begun {
    pub(super) head: Head,
    /// What comes of it from its first entry on, where somebody followed before it was made.
    pub(super) feed: Option<Feed>,
}

impl From<Head> for Begun {
    fn from(head: Head) -> Self {
        Self { head, feed: None }
    }
}

async fn attached(
    state: &AppState,
    begun: Begun,
    seen: Option<Place>,
) -> Result<(Feed, ResponseFold), ApiError> {
    let Begun { head, feed } = begun;
    if let Some(feed) = feed {
        return Ok((feed, ResponseFold::new(head, seen)));
    }
    let (session, first) = (head.row.session.clone(), head.row.first_seq);
    let feed = state.engine().follow(&session, FollowFrom::After(first - 1)).await?;
    let fold = primed(state, head, seen).await?;
    Ok((feed, fold))
}

/// The response once it is done.
pub(super) async fn finished(state: &AppState, begun: Begun) -> Result<Value, ApiError> {
    let _permit = state.admit_stream()?;
    let (mut feed, mut fold) = attached(state, begun, None).await?;
    while !fold.is_over() {
        match feed.next().await {
            Some(Ok(FeedItem::Entry(entry))) => drop(fold.entry(&entry, &*entry.fact()?)),
            Some(Ok(FeedItem::Delta(_) | FeedItem::Output(_))) => {}
            Some(Err(error)) => return Err(error),
            None => {
                let message = "the server is stopping; the response goes on when it is back, and can be fetched then";
                return Err(ApiError::new(ErrorCode::ShuttingDown, message));
            }
        }
    }
    Ok(fold.show())
}

/// Answers with the response's events, those behind `seen` if some were.
pub(super) async fn open_stream(
    state: &AppState,
    caller: &Principal,
    begun: Begun,
    seen: Option<Place>,
) -> Result<Response, ApiError> {
    Ok(sse::answer(Follower::new(state, caller, begun, seen).await?))
}

/// One open stream.
pub(super) struct Follower {
    feed: Feed,
    fold: ResponseFold,
    clock: Arc<dyn Clock>,
    is_broken: bool,
    forgetting: Option<Forgetting>,
    _permit: OwnedSemaphorePermit,
}

impl Frames for Follower {
    async fn next(&mut self) -> Option<Bytes> {
        let events = self.events().await?;
        if events.is_empty() {
            return Some(Bytes::from_static(SSE_KEEP_ALIVE));
        }
        Some(frames(&events))
    }
}

impl Follower {
    pub(super) async fn new(
        state: &AppState,
        caller: &Principal,
        begun: Begun,
        seen: Option<Place>,
    ) -> Result<Self, ApiError> {
        let permit = state.admit_stream()?;
        let head = &begun.head;
        let forgetting =
            head.echo.is_not_stored.then(|| Forgetting::new(state, caller, &head.row.session));
        let (feed, fold) = attached(state, begun, seen).await?;
        let clock = state.engine().clock().clone();
        Ok(Self { feed, fold, clock, is_broken: false, forgetting, _permit: permit })
    }

    /// The next events; none to show that the stream lives, and nothing at its end.
    pub(super) async fn events(&mut self) -> Option<Vec<Value>> {
        while !self.fold.is_over() && !self.is_broken {
            let deadline = self.clock.now_ms().saturating_add(KEEP_ALIVE_MS);
            let item = tokio::select! {
                biased;
                item = self.feed.next() => item?,
                () = self.clock.sleep_until(deadline) => return Some(Vec::new()),
            };
            let events = item.and_then(|item| match item {
                FeedItem::Entry(entry) => Ok(self.fold.entry(&entry, &*entry.fact()?)),
                FeedItem::Delta(delta) => Ok(self.fold.delta(&delta)),
                // A call of a machine's tool is an `mcp_call` here, whose output comes with its end.
                FeedItem::Output(_) => Ok(Vec::new()),
            });
            let events = events.unwrap_or_else(|error| self.broken(&error));
            if !events.is_empty() {
                return Some(events);
            }
        }
        if let Some(forgetting) = self.forgetting.take() {
            forgetting.now().await;
        }
        None
    }

    /// The journal cannot be read on: the client is told, and the stream ends.
    fn broken(&mut self, error: &ApiError) -> Vec<Value> {
        tracing::warn!(%error, "a stream of a response broke off");
        self.is_broken = true;
        let object = ErrorObject::from(error);
        vec![json!({
            "type": "error", "code": object.code, "message": object.message,
            "param": object.param, "sequence_number": 0,
        })]
    }
}

fn frames(events: &[Value]) -> Bytes {
    let mut frames = Vec::new();
    for event in events {
        let kind = event["type"].as_str().unwrap_or_default();
        frames.extend_from_slice(format!("event: {kind}\ndata: {event}\n\n").as_bytes());
    }
    frames.into()
}
