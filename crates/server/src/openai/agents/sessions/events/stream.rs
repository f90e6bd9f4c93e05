//! `GET /v1/agents/sessions/{session}/events`: a session's events as they happen.

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use mainstay_protocol::{ApiError, ErrorCode};

use super::follow::{Until, open_stream};
use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::agents::sessions::SessionRows;
use crate::openai::project::FeedPlace;
use crate::openai::wire::{Event, StreamQuery};
use crate::openapi::{Doc, Param, schema_of};
use crate::state::AppState;

/// Its entry in the document of the API.
pub(crate) const STREAM: Doc = Doc::new("streamSessionEvents", "Follow a session")
    .query(&[&[
        Param::flag("include_obfuscation", "Taken; this server never pads."),
        Param::whole("starting_after", "The event after which the stream begins.", 0, u64::MAX)
            .extension(),
    ]])
    .headers(&[Param::text(
        "Last-Event-ID",
        "The last event that was seen; counts before `starting_after`.",
    )])
    .answers_bytes("text/event-stream")
    .streams(schema_of::<Event>);

/// Answers a stream that begins now, or behind the event that `starting_after` or `Last-Event-ID`
/// names, and ends when the client leaves.
pub(crate) async fn stream(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(session): Ids<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer<Response> {
    let query = StreamQuery::parse(query.as_deref().unwrap_or_default())?;
    // A client that reconnects by itself repeats the query of its first request; where it has got
    // to since is in the header.
    let after = last_event_id(&headers)?.or(query.starting_after);
    let rows = SessionRows::load(&state, &caller, &session).await?;
    let place = after.map(FeedPlace::behind);
    Ok(open_stream(&state, &rows, place, Until::ClientLeaves).await?)
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let number = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    number.map(Some).ok_or_else(|| {
        let message = "header 'Last-Event-ID' is not the id of an event of this stream";
        ApiError::new(ErrorCode::InvalidCursor, message).with_param("Last-Event-ID")
    })
}
