//! A fold in the state that it has at a place in the middle of a journal.
//!
//! Invariant: what is read is the active turn so far, and what lies between the place and the
//! session's row; never the journal before. Settings are those of the row, so that an old event which
//! is shown again shows today's settings with everything else as it was.

use mainstay_core::session::{ConfigRow, SessionRow, TURNS, TurnRow};
use mainstay_protocol::{ApiError, Entry, ErrorCode, JournalId, Seq, SessionId, Usage};
use mainstay_store::{Direction, EntryRange, RowScan, Store};
use serde::Deserialize;

use super::feed::EventFold;
use super::place::FeedPlace;
use super::session::SessionView;
use crate::state::store_error;

/// How many entries are read at once.
const ENTRY_PAGE_COUNT: usize = 256;
/// How many turns are read at once.
const TURN_PAGE_COUNT: usize = 32;

/// The fold that shows what comes behind `place`. The rows must have been read before the feed was
/// attached.
pub(crate) async fn primed(
    store: &dyn Store,
    row: &SessionRow,
    config: &ConfigRow,
    place: FeedPlace,
) -> Result<EventFold, ApiError> {
    let done = place.done_seq();
    let mut fold = EventFold::new(SessionView::of(row, config), place);
    let begin = active_turn_begin(store, row, done).await?;
    let journal: JournalId = row.id.as_str().into();
    let mut usage = row.usage;
    let mut at = row.seq.min(begin.saturating_sub(1)).min(done);
    let to = row.seq.max(done);
    while at < to {
        let range = EntryRange::following(at, ENTRY_PAGE_COUNT);
        let page = store.entries(&journal, range).await.map_err(|error| store_error(&error))?;
        let Some(last) = page.last() else { break };
        at = last.seq;
        for entry in page.iter().take_while(|entry| entry.seq <= to) {
            if entry.seq <= done {
                fold.take(entry)?;
            }
            match (entry.seq <= done, entry.seq <= row.seq) {
                (true, false) => usage.add(usage_of(entry)),
                (false, true) => usage = usage.since(usage_of(entry)),
                (true, true) | (false, false) => {}
            }
        }
    }
    fold.view.usage = usage;
    Ok(fold)
}

/// The first entry of the turns that are open at `done`; behind it when there is none.
async fn active_turn_begin(
    store: &dyn Store,
    row: &SessionRow,
    done: Seq,
) -> Result<Seq, ApiError> {
    let mut begin = done + 1;
    if row.turn.is_none() && row.seq <= done {
        return Ok(begin);
    }
    let mut scan = turn_scan(&row.id, Direction::Descending, TURN_PAGE_COUNT);
    loop {
        let page = store.rows(scan.clone()).await.map_err(|error| store_error(&error))?;
        let mut has_older = false;
        for row in &page.rows {
            let turn: TurnRow = row.read().map_err(|error| {
                ApiError::new(
                    ErrorCode::JournalCorrupt,
                    format!("a turn's row has no turn's shape: {error}"),
                )
            })?;
            match turn.last_seq {
                Some(last_seq) if last_seq <= done => has_older = true,
                Some(_) | None => begin = begin.min(turn.first_seq),
            }
        }
        // Turns are ordered by the millisecond: one page more than needed is read at the most.
        if has_older || !page.has_more {
            return Ok(begin);
        }
        scan.after = page.rows.last().map(|row| row.key.clone());
    }
}

/// The turns of a session.
pub(crate) fn turn_scan(session: &SessionId, direction: Direction, limit_count: usize) -> RowScan {
    RowScan {
        spec: TURNS.name.into(),
        index: Vec::new(),
        prefix: vec![session.as_str().into()],
        after: None,
        direction,
        limit_count,
    }
}

#[derive(Deserialize)]
struct Costly {
    outcome: CostlyOutcome,
}

#[derive(Deserialize)]
struct CostlyOutcome {
    #[serde(default)]
    usage: Usage,
}

/// What an entry's effect cost. Only the part of the payload that says so is read.
fn usage_of(entry: &Entry) -> Usage {
    let payload = entry.payload.get();
    match entry.kind.as_ref() {
        "effect.completed" => serde_json::from_str(payload)
            .map_or_else(|_| Usage::default(), |costly: Costly| costly.outcome.usage),
        "subagent.reported" => serde_json::from_str(payload)
            .map_or_else(|_| Usage::default(), |outcome: CostlyOutcome| outcome.usage),
        _ => Usage::default(),
    }
}
