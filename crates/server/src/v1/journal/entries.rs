//! A journal's entries as an answer: as a list page by page, or with `Accept: application/x-ndjson` as
//! lines, all of them unless `limit` says less.

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use mainstay_protocol::{ApiError, Entry, ErrorCode, JournalId, Seq};
use mainstay_store::EntryRange;
use schemars::JsonSchema;
use serde::Serialize;

use crate::openapi::{Param, Tag, shape};
use crate::state::{AppState, store_error};

/// Entries of a page when nothing is asked for.
const DEFAULT_PAGE_ENTRIES: usize = 100;
/// The most entries of a page.
const MAX_PAGE_ENTRIES: usize = 1_000;
/// How many entries are read at once for lines.
const LINE_BATCH_COUNT: usize = 256;
const NDJSON: &str = "application/x-ndjson";

/// A page of entries.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "object", rename = "list")]
#[schemars(rename = "EntryPage", transform = Tag("object", "list"))]
pub(super) struct EntryPage {
    #[schemars(with = "Vec<JournalEntry>")]
    data: Vec<Entry>,
    has_more: bool,
    /// Where the next page begins: the `seq` to give as `after`.
    last_seq: Option<Seq>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct JournalQuery {
    after: Seq,
    limit: Option<usize>,
}

impl JournalQuery {
    fn parse(query: &str) -> Result<Self, ApiError> {
        let mut parsed = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let invalid = || {
                let message = format!("parameter '{name}' is {value:?}, not a whole number");
                ApiError::new(ErrorCode::InvalidParameter, message).with_param(name.clone())
            };
            match name.as_ref() {
                "after" => parsed.after = value.parse().map_err(|_| invalid())?,
                "limit" => parsed.limit = Some(value.parse().map_err(|_| invalid())?),
                other => {
                    let message = format!("parameter '{other}' does not exist");
                    let error = ApiError::new(ErrorCode::UnknownParameter, message);
                    return Err(error.with_param(other));
                }
            }
        }
        Ok(parsed)
    }
}

/// What may be asked of a journal.
pub(super) const QUERY: &[Param] = &[
    Param::whole("after", "The entry behind which the page begins.", 0, u64::MAX),
    Param::whole("limit", "The most entries.", 1, MAX_PAGE_ENTRIES as u64),
];

/// Answers entries behind `after`, in order.
pub(super) async fn answer(
    state: AppState,
    journal: JournalId,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let query = JournalQuery::parse(query.unwrap_or_default())?;
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if accept.is_some_and(|accept| accept.contains(NDJSON)) {
        return Ok(lines(state, journal, query));
    }
    Ok(Json(page(&state, &journal, query).await?).into_response())
}

async fn page(
    state: &AppState,
    journal: &JournalId,
    query: JournalQuery,
) -> Result<EntryPage, ApiError> {
    let limit = query.limit.unwrap_or(DEFAULT_PAGE_ENTRIES);
    if !(1..=MAX_PAGE_ENTRIES).contains(&limit) {
        let message = format!("parameter 'limit' is {limit}, not 1 to {MAX_PAGE_ENTRIES}");
        return Err(ApiError::new(ErrorCode::InvalidParameter, message).with_param("limit"));
    }
    let range = EntryRange::following(query.after, limit + 1);
    let mut data =
        state.store().entries(journal, range).await.map_err(|error| store_error(&error))?;
    let has_more = data.len() > limit;
    data.truncate(limit);
    let last_seq = data.last().map(|entry| entry.seq);
    Ok(EntryPage { data, has_more, last_seq })
}

/// The rest of a journal that is sent as lines.
struct Lines {
    state: AppState,
    journal: JournalId,
    at: Seq,
    left: usize,
}

fn lines(state: AppState, journal: JournalId, query: JournalQuery) -> Response {
    let left = query.limit.unwrap_or(usize::MAX);
    let lines = Lines { state, journal, at: query.after, left };
    let chunks = futures::stream::unfold(lines, |mut lines| async move {
        let chunk = lines.next().await?;
        Some((chunk, lines))
    });
    ([(header::CONTENT_TYPE, NDJSON)], Body::from_stream(chunks)).into_response()
}

impl Lines {
    /// The next lines. A journal that cannot be read on breaks the answer off, so that nobody takes
    /// its beginning for the whole.
    async fn next(&mut self) -> Option<Result<Bytes, ApiError>> {
        let range = EntryRange::following(self.at, self.left.min(LINE_BATCH_COUNT));
        if range.limit_count == 0 {
            return None;
        }
        let entries = match self.state.store().entries(&self.journal, range).await {
            Ok(entries) => entries,
            Err(error) => {
                self.left = 0;
                return Some(Err(store_error(&error)));
            }
        };
        self.at = entries.last()?.seq;
        self.left = self.left.saturating_sub(entries.len());
        let mut text = Vec::new();
        for entry in &entries {
            if let Err(error) = serde_json::to_writer(&mut text, entry) {
                return Some(Err(ApiError::new(ErrorCode::Internal, error.to_string())));
            }
            text.push(b'\n');
        }
        Some(Ok(text.into()))
    }
}

shape! {
    /// One fact of a journal, sealed into the chain of hashes (docs/journal.md).
    JournalEntry = |_| serde_json::json!({
        "type": "object",
        "required": [
            "journal", "seq", "kind", "version", "at", "principal", "trace", "prev_hash", "hash",
            "payload",
        ],
        "properties": {
            "journal": {"type": "string"},
            "seq": {"type": "integer", "minimum": 1},
            "kind": {"type": "string"},
            "version": {"type": "integer", "minimum": 1},
            "at": {"type": "integer", "minimum": 0},
            "principal": {"type": "string"},
            "trace": {"type": "string"},
            "prev_hash": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "hash": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "payload": {"type": "object"},
        },
    })
}
