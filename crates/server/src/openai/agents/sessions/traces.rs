//! `GET /v1/agents/sessions/{session}/traces`: a session's turns as traces, made from its journal.

use axum::Json;
use axum::extract::{RawQuery, State};
use mainstay_core::session::{TURNS, TurnRow};
use mainstay_protocol::{ApiError, JournalId, RowKey, TurnId};
use mainstay_store::EntryRange;

use crate::auth::Caller;
use crate::error::Answer;
use crate::extract::Ids;
use crate::openai::agents::page::{PageScan, invalid_cursor, read_page};
use crate::openai::agents::sessions::{SessionRows, turn_of};
use crate::openai::project::{TraceFold, read, seconds};
use crate::openai::wire::{
    List, OtlpAttribute, OtlpResource, OtlpResourceSpans, OtlpScope, OtlpScopeSpans, OtlpSpan,
    OtlpTraces, PageQuery, SessionTrace,
};
use crate::openapi::{Doc, PAGE};
use crate::state::{AppState, store_error};

/// How many entries are read at once.
const ENTRY_BATCH_COUNT: usize = 256;
/// The most entries that one page reads; the turns behind them are on the next page.
const MAX_PAGE_ENTRIES: usize = 16_384;
/// What made the spans.
const SERVICE: &str = "mainstay";

/// Its entry in the document of the API.
pub(crate) const TRACES: Doc = Doc::new("listSessionTraces", "Read turns as traces").query(&[PAGE]);

/// Answers a page of traces, one for each turn.
pub(crate) async fn traces(
    State(state): State<AppState>,
    Caller(caller): Caller,
    Ids(session): Ids<String>,
    RawQuery(query): RawQuery,
) -> Answer<Json<List<SessionTrace>>> {
    let query = PageQuery::parse(query.as_deref().unwrap_or_default())?;
    let rows = SessionRows::load(&state, &caller, &session).await?;
    if let Some(after) = &query.after {
        let turn = TurnId::parse(after).map_err(|_| invalid_cursor())?;
        turn_of(&state, &rows.row.id, &turn).await?.ok_or_else(invalid_cursor)?;
    }
    let session = rows.row.id.as_str();
    let scan = PageScan {
        spec: &TURNS,
        index: &[],
        prefix: &[session],
        after: query.after.as_deref().map(|after| RowKey::new(&TURNS, &[session, after])),
    };
    let mut page = read_page(state.store(), scan, &query, |_: &TurnRow| true).await?;
    let agent_name = rows.config.agent.name.as_deref();
    let mut left = MAX_PAGE_ENTRIES;
    let mut traces = Vec::with_capacity(page.rows.len());
    for turn in &page.rows {
        if left == 0 {
            page.has_more = true;
            break;
        }
        let spans = spans(&state, turn, agent_name, &mut left).await?;
        traces.push(trace(&state, turn, spans));
    }
    Ok(Json(List::page(traces, page.has_more, |trace: &SessionTrace| &trace.id)))
}

/// The turn's spans. A page that has read enough shows what it has of its last turn.
async fn spans(
    state: &AppState,
    turn: &TurnRow,
    agent_name: Option<&str>,
    left: &mut usize,
) -> Result<Vec<OtlpSpan>, ApiError> {
    let journal: JournalId = turn.session.as_str().into();
    let mut fold = TraceFold::new(turn, agent_name);
    let mut after = turn.first_seq.saturating_sub(1);
    while *left > 0 && turn.last_seq.is_none_or(|last| after < last) {
        let range = EntryRange::following(after, ENTRY_BATCH_COUNT.min(*left));
        let entries =
            state.store().entries(&journal, range).await.map_err(|error| store_error(&error))?;
        let Some(last) = entries.last().map(|entry| entry.seq) else { break };
        *left -= entries.len().min(*left);
        for entry in &entries {
            if turn.last_seq.is_none_or(|last| entry.seq <= last) {
                fold.take(entry.at, read(entry)?);
            }
        }
        after = last;
    }
    Ok(fold.into_spans())
}

fn trace(state: &AppState, turn: &TurnRow, spans: Vec<OtlpSpan>) -> SessionTrace {
    let attributes = vec![
        OtlpAttribute::text("service.name", SERVICE),
        OtlpAttribute::text("service.version", state.version()),
    ];
    let scope = OtlpScope { name: SERVICE.to_owned(), version: state.version().to_owned() };
    SessionTrace {
        id: turn.id.to_string(),
        created_at: seconds(turn.created_at_ms),
        session_id: turn.session.to_string(),
        otlp: OtlpTraces {
            resource_spans: [OtlpResourceSpans {
                resource: OtlpResource { attributes },
                scope_spans: [OtlpScopeSpans { scope, spans }],
            }],
        },
    }
}
