//! A fold in the state that it has at a place in the middle of a journal.
//!
//! Invariant: what is read is the active turn so far, and what lies between the place and the last
//! turn that ended before it; never the journal before. Settings are those of the row, so that an old event which
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
/// How many turns are read at first: as good as all streams go on near their end.
const FIRST_TURN_PAGE_COUNT: usize = 16;
/// How many turns are read at once after that.
const TURN_PAGE_COUNT: usize = 512;

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
    let turns = turns_at(store, row, done).await?;
    // What the session had cost is known at an entry; the costs between it and the place are added
    // or taken away.
    let (known_at, mut usage) = turns.ended.unwrap_or((row.seq, row.usage));
    let journal: JournalId = row.id.as_str().into();
    let begin = turns.begin.min(row.seq + 1);
    let mut at = known_at.min(begin.saturating_sub(1)).min(done);
    let to = known_at.max(done);
    while at < to {
        let range = EntryRange::following(at, ENTRY_PAGE_COUNT);
        let page = store.entries(&journal, range).await.map_err(|error| store_error(&error))?;
        let Some(last) = page.last() else { break };
        at = last.seq;
        for entry in page.iter().take_while(|entry| entry.seq <= to) {
            if begin <= entry.seq && entry.seq <= done {
                fold.take(entry)?;
            }
            match (entry.seq <= done, entry.seq <= known_at) {
                (true, false) => usage.add(usage_of(entry)),
                (false, true) => usage = usage.since(usage_of(entry)),
                (true, true) | (false, false) => {}
            }
        }
    }
    fold.view.usage = usage;
    Ok(fold)
}

/// What the turns' rows say of a place.
struct TurnsAt {
    /// The first entry of the turns that are open there; behind it when there is none.
    begin: Seq,
    /// The last entry of the turn that ended last before it, and what the session had cost by then.
    /// None where the session's own row is as near, or where no such turn says so.
    ended: Option<(Seq, Usage)>,
}

async fn turns_at(store: &dyn Store, row: &SessionRow, done: Seq) -> Result<TurnsAt, ApiError> {
    let mut at = TurnsAt { begin: done + 1, ended: None };
    if row.turn.is_none() && row.seq <= done {
        return Ok(at);
    }
    let mut scan = turn_scan(&row.id, Direction::Descending, FIRST_TURN_PAGE_COUNT);
    loop {
        let page = store.rows(scan.clone()).await.map_err(|error| store_error(&error))?;
        let mut last_ended: Option<TurnRow> = None;
        for row in &page.rows {
            let turn: TurnRow = row.read().map_err(|error| {
                ApiError::new(
                    ErrorCode::JournalCorrupt,
                    format!("a turn's row has no turn's shape: {error}"),
                )
            })?;
            if turn.last_seq.is_none_or(|last_seq| last_seq > done) {
                at.begin = at.begin.min(turn.first_seq);
            } else if last_ended.as_ref().is_none_or(|last| last.last_seq < turn.last_seq) {
                last_ended = Some(turn);
            }
        }
        if let Some(turn) = &last_ended {
            let known = turn.last_seq.zip(turn.session_usage);
            at.ended = known.filter(|_| row.seq > done);
        }
        // Turns are ordered by the millisecond: one page more than needed is read at the most.
        if last_ended.is_some() || !page.has_more {
            return Ok(at);
        }
        scan.after = page.rows.last().map(|row| row.key.clone());
        scan.limit_count = TURN_PAGE_COUNT;
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
