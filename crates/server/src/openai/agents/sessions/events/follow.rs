//! A stream of a session's events.
//!
//! Invariant: the feed is attached before the answer begins, so that what a client sends once it has
//! the headers is on the stream. A stream shows each event with a place once, in order.

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use mainstay_core::port::Clock;
use mainstay_protocol::{ApiError, ErrorCode, SessionId};
use mainstay_runtime::{Feed, FeedItem, FollowFrom};
use tokio::sync::OwnedSemaphorePermit;

use crate::limits::KEEP_ALIVE_MS;
use crate::openai::agents::sessions::SessionRows;
use crate::openai::project::{EventFold, FeedPlace, Shown, primed};
use crate::openai::wire::{ErrorObject, Event, EventBody, Resume, SSE_KEEP_ALIVE, sse_frame};
use crate::sse::{self, Frames};
use crate::state::AppState;

/// When a stream ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// Never: the client closes it.
    ClientLeaves,
    /// When the session's turn has ended or the session failed.
    SessionRests,
    /// After the first event: there is nothing to wait for.
    Created,
}

/// Attaches to a session and answers with its events behind `place`, or from now on.
pub(crate) async fn open_stream(
    state: &AppState,
    rows: &SessionRows,
    place: Option<FeedPlace>,
    until: Until,
) -> Result<Response, ApiError> {
    let permit = state.admit_stream()?;
    let from = place.map_or(FollowFrom::Live, FeedPlace::follow_from);
    let feed = state.engine().follow(&rows.row.id, from).await?;
    let place = place.unwrap_or_else(|| FeedPlace::behind_entry(feed.head()));
    if place.seq() > feed.head() {
        let message = format!(
            "event {} is behind the last event of session {}",
            place.sequence_number(),
            rows.row.id
        );
        return Err(ApiError::new(ErrorCode::InvalidCursor, message).with_param("starting_after"));
    }
    let fold = primed(state.store(), &rows.row, &rows.config, place).await?;
    let clock = state.engine().clock().clone();
    let session = rows.row.id.clone();
    let follower = Follower { session, feed, fold, clock, until, is_over: false, _permit: permit };
    Ok(sse::answer(follower))
}

/// One open stream.
struct Follower {
    session: SessionId,
    feed: Feed,
    fold: EventFold,
    clock: Arc<dyn Clock>,
    until: Until,
    is_over: bool,
    _permit: OwnedSemaphorePermit,
}

impl Frames for Follower {
    async fn next(&mut self) -> Option<Bytes> {
        while !self.is_over {
            let deadline = self.clock.now_ms().saturating_add(KEEP_ALIVE_MS);
            let item = tokio::select! {
                biased;
                item = self.feed.next() => item?,
                () = self.clock.sleep_until(deadline) => {
                    return Some(Bytes::from_static(SSE_KEEP_ALIVE));
                }
            };
            let shown =
                item.and_then(|item| self.show(item)).unwrap_or_else(|error| self.broken(&error));
            if !shown.is_empty() {
                return Some(self.frames(&shown));
            }
        }
        None
    }
}

impl Follower {
    fn show(&mut self, item: FeedItem) -> Result<Vec<Shown>, ApiError> {
        let shown = match item {
            FeedItem::Entry(entry) => self.fold.entry(&entry)?,
            FeedItem::Delta(delta) => self.fold.delta(&delta),
            FeedItem::Output(output) => self.fold.output(&output),
        };
        let is_done = match self.until {
            Until::ClientLeaves => false,
            Until::SessionRests => self.fold.has_rested(),
            Until::Created => !shown.is_empty(),
        };
        self.is_over = is_done || self.fold.is_deleted();
        Ok(shown)
    }

    /// The journal cannot be read on: the client is told, and the stream ends.
    fn broken(&mut self, error: &ApiError) -> Vec<Shown> {
        tracing::warn!(session = %self.session, %error, "a stream of events broke off");
        self.is_over = true;
        let event = Event {
            event_id: format!("evt_error_{}", self.fold.sequence_number()),
            sequence_number: self.fold.sequence_number(),
            body: EventBody::error(self.session.as_str(), ErrorObject::from(error)),
        };
        vec![Shown { event, resume: Resume::Never }]
    }

    fn frames(&self, shown: &[Shown]) -> Bytes {
        let mut frames = Vec::new();
        for Shown { event, resume } in shown {
            match sse_frame(event, *resume) {
                Ok(frame) if frames.is_empty() => frames = frame,
                Ok(frame) => frames.extend_from_slice(&frame),
                Err(error) => {
                    tracing::error!(session = %self.session, %error, "an event is not JSON; this is a bug of mainstay");
                }
            }
        }
        frames.into()
    }
}
