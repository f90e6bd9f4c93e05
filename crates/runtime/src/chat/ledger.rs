//! A tenant's ledger: where its journal ends, what its keys have spent, which calls are under way.
//!
//! Invariant: what is in memory is what the store has, as long as commits behind the known end succeed;
//! when another process was there first, all of it is read again and the jobs are decided anew. A day's
//! journal is closed before the next one is begun, so that all commits of a tenant have one order.

use std::collections::HashMap;
use std::sync::Arc;

use mainstay_core::chat::{
    CHAT_DAY_ENDED, CHAT_DAYS, ChatCallRow, ChatDayEnded, ChatDayRow, ChatFact,
};
use mainstay_core::spend::{KeySpend, day_name, utc_day};
use mainstay_protocol::{ApiError, ErrorCode, Hash, JournalId, KeyId, Seq, TenantId};
use mainstay_store::{Direction, EntryRange, RowScan, StoreError};

use super::desk::Job;
use super::draft::{Decided, Draft, Learned};
use super::{CallEnd, ChatCall};
use crate::control::parse;
use crate::engine::{Inner, api_error};

/// How often jobs are decided again when another process writes the same journal.
const CONFLICT_LIMIT_COUNT: u32 = 16;
/// How many keys and calls are kept in memory.
const CACHE_LIMIT_COUNT: usize = 8192;

/// What is known of a tenant's chat completions.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The newest day's journal.
    pub(super) page: Option<Page>,
    pub(super) spends: HashMap<KeyId, KeySpend>,
    pub(super) calls: HashMap<String, ChatCallRow>,
}

/// A day's journal and its end.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) day: u64,
    pub(super) journal: JournalId,
    pub(super) seq: Seq,
    pub(super) hash: Hash,
    pub(super) is_closed: bool,
}

/// Writes jobs in one commit and tells those who wait. Answers the ends that were not written.
pub(super) async fn carry_out(
    inner: &Arc<Inner>,
    tenant: &TenantId,
    ledger: &mut Option<Ledger>,
    mut jobs: Vec<Job>,
) -> Vec<CallEnd> {
    // Whoever has gone meanwhile asks no model.
    jobs.retain(|job| match job {
        Job::Begin { reply, .. } => !reply.is_closed(),
        Job::End { .. } => true,
    });
    let decided = match written(inner, tenant, ledger, &jobs).await {
        Ok(decided) => decided,
        Err(error) => {
            tracing::warn!(%tenant, %error, "chat completions were not written");
            *ledger = None;
            return refuse(jobs, &error);
        }
    };
    for (job, decided) in jobs.into_iter().zip(decided) {
        match (job, decided) {
            (Job::Begin { new, reply }, Decided::Done) => {
                // Where nobody waits any more the call is dropped, which ends it.
                let _ = reply.send(Ok(ChatCall::new(inner.clone(), &new)));
            }
            (Job::Begin { reply, .. }, Decided::Refused(error)) => {
                let _ = reply.send(Err(error));
            }
            (Job::End { reply, .. }, _) => {
                if let Some(reply) = reply {
                    let _ = reply.send(Ok(()));
                }
            }
        }
    }
    Vec::new()
}

fn refuse(jobs: Vec<Job>, error: &ApiError) -> Vec<CallEnd> {
    let mut unwritten = Vec::new();
    for job in jobs {
        match job {
            Job::Begin { reply, .. } => {
                let _ = reply.send(Err(error.clone()));
            }
            Job::End { end, reply } => {
                unwritten.push(end);
                if let Some(reply) = reply {
                    let _ = reply.send(Err(error.clone()));
                }
            }
        }
    }
    unwritten
}

/// Commits jobs behind what others may have written meanwhile.
async fn written(
    inner: &Arc<Inner>,
    tenant: &TenantId,
    ledger: &mut Option<Ledger>,
    jobs: &[Job],
) -> Result<Vec<Decided>, ApiError> {
    for _ in 0..CONFLICT_LIMIT_COUNT {
        let mut known = match ledger.take() {
            Some(known) if known.has_open_day() => known.within_bounds(),
            // Another process may have begun a day since.
            Some(_) | None => Ledger::read(inner, tenant).await?,
        };
        let now_ms = inner.parts.clock.now_ms();
        if known.close(inner, tenant, now_ms).await? == Committed::Overtaken {
            continue;
        }
        let mut draft = Draft::now(inner, tenant, now_ms, known.page.as_ref());
        let mut decided = Vec::with_capacity(jobs.len());
        for job in jobs {
            decided.push(match job {
                Job::Begin { new, .. } => draft.begin(&known, new).await?,
                Job::End { end, .. } => {
                    draft.end(&known, end).await?;
                    Decided::Done
                }
            });
        }
        if draft.is_empty() {
            *ledger = Some(known);
            return Ok(decided);
        }
        let (commit, learned) = draft.finish();
        match committed(inner.parts.store.commit(commit).await)? {
            Committed::Yes => {
                known.learn(learned);
                *ledger = Some(known);
                return Ok(decided);
            }
            Committed::Overtaken => {}
        }
    }
    let message = "other processes write the same journal all the time; try again soon";
    Err(ApiError::new(ErrorCode::Conflict, message))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Committed {
    Yes,
    Overtaken,
}

fn committed(result: Result<(), StoreError>) -> Result<Committed, ApiError> {
    match result {
        Ok(()) => Ok(Committed::Yes),
        Err(StoreError::Conflict { .. }) => Ok(Committed::Overtaken),
        Err(error) => Err(api_error(&error)),
    }
}

impl Ledger {
    /// What the store has.
    async fn read(inner: &Inner, tenant: &TenantId) -> Result<Self, ApiError> {
        let store = &inner.parts.store;
        let newest = RowScan {
            spec: CHAT_DAYS.name.into(),
            index: Vec::new(),
            prefix: vec![tenant.as_str().into()],
            after: None,
            direction: Direction::Descending,
            limit_count: 1,
        };
        let days = store.rows(newest).await.map_err(|error| api_error(&error))?;
        let Some(row) = days.rows.first() else { return Ok(Self::default()) };
        let ChatDayRow { journal, day, .. } = parse(row)?;
        let last = EntryRange { after: u64::MAX, direction: Direction::Descending, limit_count: 1 };
        let entries = store.entries(&journal, last).await.map_err(|error| api_error(&error))?;
        let page = entries.first().map(|entry| Page {
            day,
            journal,
            seq: entry.seq,
            hash: entry.hash,
            is_closed: *entry.kind == *CHAT_DAY_ENDED,
        });
        Ok(Self { page, ..Self::default() })
    }

    /// Whether entries of now have a journal.
    fn has_open_day(&self) -> bool {
        self.page.as_ref().is_some_and(|page| !page.is_closed)
    }

    /// What was read long ago is read again when it is needed.
    fn within_bounds(mut self) -> Self {
        if self.spends.len() > CACHE_LIMIT_COUNT {
            self.spends.clear();
        }
        if self.calls.len() > CACHE_LIMIT_COUNT {
            self.calls.clear();
        }
        self
    }

    /// Ends the journal of a day that is over.
    async fn close(
        &mut self,
        inner: &Inner,
        tenant: &TenantId,
        now_ms: u64,
    ) -> Result<Committed, ApiError> {
        let today = utc_day(now_ms);
        let Some(page) = self.page.as_mut().filter(|page| !page.is_closed && page.day < today)
        else {
            return Ok(Committed::Yes);
        };
        let mut draft = Draft::on(inner, tenant, now_ms, page.clone());
        let fact = ChatFact::DayEnded(ChatDayEnded { day: day_name(page.day) });
        draft.push(&fact, &inner.runtime_principal);
        let (commit, learned) = draft.finish();
        let done = committed(inner.parts.store.commit(commit).await)?;
        self.learn(learned);
        if let Some(page) = &mut self.page {
            page.is_closed = true;
        }
        Ok(done)
    }

    /// What a commit changed.
    fn learn(&mut self, learned: Learned) {
        self.page = Some(learned.page);
        self.spends.extend(learned.spends);
        for id in &learned.ended {
            self.calls.remove(id);
        }
        self.calls.extend(learned.begun.into_iter().map(|row| (row.completion.clone(), row)));
    }
}
