//! A response's row and request, for a caller who may see them.
//!
//! Invariant: another tenant's response does not exist, nor does one whose session was deleted.

use mainstay_core::fact::Fact;
use mainstay_core::session::{RESPONSES, ResponseRow};
use mainstay_protocol::{
    ApiError, Entry, ErrorCode, JournalId, Principal, ResponseId, RowKey, Seq,
};
use mainstay_runtime::{Feed, FeedItem};
use mainstay_store::{Direction, EntryRange};

use super::Echo;
use super::project::{Head, ResponseFold};
use crate::error::not_found;
use crate::openai::agents::page::read_row;
use crate::openai::agents::sessions::find_session;
use crate::openai::project::read;
use crate::state::{AppState, store_error};

/// How many entries are read at once.
const PAGE_LIMIT_COUNT: usize = 256;
/// How many of the entries that a request brought are read at once.
const REQUESTED_COUNT: usize = 32;
/// How far before a response the calls that it settles are looked for.
const MAX_PRIMING_ENTRIES: usize = 512;

/// The caller's response of this id, with the request's part of it.
pub(crate) async fn find(state: &AppState, caller: &Principal, id: &str) -> Result<Head, ApiError> {
    let missing = || not_found("response", id);
    let parsed = ResponseId::parse(id).map_err(|_| missing())?;
    let row = find_row(state, caller, &parsed).await?.ok_or_else(missing)?;
    find_session(state, caller, row.session.as_str()).await.map_err(|_| missing())?;
    let echo = echo(state, &row).await?;
    Ok(Head { row, echo })
}

/// The row of the response that this request made just now.
pub(crate) async fn made(
    state: &AppState,
    caller: &Principal,
    id: &ResponseId,
) -> Result<ResponseRow, ApiError> {
    let row = find_row(state, caller, id).await?;
    row.ok_or_else(|| not_found("response", id.as_str()))
}

/// The same of the first response of a session, as the session's feed tells it. The feed then begins
/// with it.
pub(crate) async fn told(
    feed: &mut Feed,
    caller: &Principal,
    id: &ResponseId,
) -> Result<ResponseRow, ApiError> {
    while let Some(item) = feed.next().await {
        let FeedItem::Entry(entry) = item? else { continue };
        let fact = entry.fact()?;
        let Fact::ResponseRequested(requested) = &*fact else { continue };
        let row = ResponseRow {
            id: id.clone(),
            session: feed.session().clone(),
            tenant: caller.tenant.clone(),
            previous: requested.previous.clone(),
            created_at_ms: entry.at,
            first_seq: entry.seq,
            last_seq: None,
        };
        drop(fact);
        feed.put_back(entry);
        return Ok(row);
    }
    Err(ApiError::new(ErrorCode::ShuttingDown, "the server is stopping"))
}

/// The caller's row of a response.
pub(crate) async fn find_row(
    state: &AppState,
    caller: &Principal,
    id: &ResponseId,
) -> Result<Option<ResponseRow>, ApiError> {
    let key = RowKey::new(&RESPONSES, &[id.as_str()]);
    let row = state.store().row(&key).await.map_err(|error| store_error(&error))?;
    let row: Option<ResponseRow> = row.as_ref().map(read_row).transpose()?;
    Ok(row.filter(|row| row.tenant == caller.tenant))
}

async fn echo(state: &AppState, row: &ResponseRow) -> Result<Echo, ApiError> {
    let first = entries(state, row, row.first_seq - 1, 1).await?;
    let fact = first.first().map(read).transpose()?;
    match fact {
        Some(Fact::ResponseRequested(fact)) => {
            Ok(serde_json::from_value(fact.wire).unwrap_or_default())
        }
        _ => {
            let message = format!("response {} has no entry in its session", row.id);
            Err(ApiError::new(ErrorCode::JournalCorrupt, message))
        }
    }
}

async fn entries(
    state: &AppState,
    row: &ResponseRow,
    after: Seq,
    limit: usize,
) -> Result<Vec<Entry>, ApiError> {
    let journal: JournalId = row.session.as_str().into();
    let page = state.store().entries(&journal, EntryRange::following(after, limit)).await;
    page.map_err(|error| store_error(&error))
}

/// A fold that knows the calls that were open when the response was requested.
pub(crate) async fn primed(
    state: &AppState,
    head: Head,
    seen: Option<super::project::Place>,
) -> Result<ResponseFold, ApiError> {
    let row = head.row.clone();
    let mut fold = ResponseFold::new(head, seen);
    // Before the second entry there is the session's making, and nothing to settle.
    if row.first_seq <= 2 {
        return Ok(fold);
    }
    let next = entries(state, &row, row.first_seq, 1).await?;
    // A turn of its own settles nothing older.
    if next.first().is_none_or(|entry| entry.kind.as_ref() == "input.received") {
        return Ok(fold);
    }
    let range = EntryRange {
        after: row.first_seq,
        direction: Direction::Descending,
        limit_count: MAX_PRIMING_ENTRIES,
    };
    let journal: JournalId = row.session.as_str().into();
    let before = state.store().entries(&journal, range).await;
    for entry in before.map_err(|error| store_error(&error))?.iter().rev() {
        fold.prime(entry)?;
    }
    Ok(fold)
}

/// The response as its entries so far tell it.
pub(crate) async fn folded(state: &AppState, head: Head) -> Result<ResponseFold, ApiError> {
    let row = head.row.clone();
    let mut fold = primed(state, head, None).await?;
    let mut after = row.first_seq - 1;
    loop {
        let page = entries(state, &row, after, PAGE_LIMIT_COUNT).await?;
        for entry in &page {
            fold.entry(entry, &read(entry)?);
            after = entry.seq;
        }
        if fold.is_over() || page.len() < PAGE_LIMIT_COUNT {
            return Ok(fold);
        }
    }
}

/// The entries that a request brought: those before the first model call that followed.
pub(crate) async fn requested(state: &AppState, row: &ResponseRow) -> Result<Vec<Fact>, ApiError> {
    let (mut facts, mut after) = (Vec::new(), row.first_seq);
    loop {
        let page = entries(state, row, after, REQUESTED_COUNT).await?;
        for entry in &page {
            after = entry.seq;
            match read(entry)? {
                Fact::TurnResumed(_)
                | Fact::TurnEnded(_)
                | Fact::ResponseRequested(_)
                | Fact::EffectRequested(_) => return Ok(facts),
                fact => facts.push(fact),
            }
        }
        if page.len() < REQUESTED_COUNT {
            return Ok(facts);
        }
    }
}
