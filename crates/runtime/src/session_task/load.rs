//! Taking a session: lease, then state from memory or from the journal.

use std::sync::Arc;

use mainstay_core::session::{SessionState, fold, snapshot};
use mainstay_protocol::{ApiError, ErrorCode, JournalId, SessionId, TaskKey};
use mainstay_store::{Claim, ClaimRequest, ClaimWhat, EntryRange, StoreError};

use crate::engine::{Inner, SESSION_TASK_KIND, api_error};
use crate::parking::Resting;
use crate::saving::Saving;

/// How many entries are read at once.
const PAGE_LIMIT_COUNT: usize = 512;

/// A session that was taken.
pub(super) struct Loaded {
    pub(super) resting: Resting,
    pub(super) claim: Claim,
    /// Whether attempts of another process may be open.
    pub(super) recover: bool,
}

pub(super) async fn load(
    inner: &Arc<Inner>,
    session: &SessionId,
    parked: Option<Box<Resting>>,
) -> Result<Loaded, ApiError> {
    let claim = claimed(inner, session).await?;
    if let Some(resting) = parked
        && is_current(inner, &resting.state).await.map_err(|error| api_error(&error))?
    {
        return Ok(Loaded { resting: *resting, claim, recover: false });
    }
    let resting = read(inner, session).await?;
    let recover = !resting.state.effects.is_empty();
    Ok(Loaded { resting, claim, recover })
}

/// The lease of a session.
pub(crate) async fn claimed(inner: &Arc<Inner>, session: &SessionId) -> Result<Claim, ApiError> {
    let key = TaskKey { kind: SESSION_TASK_KIND.into(), subject: session.as_str().into() };
    let request = ClaimRequest {
        what: ClaimWhat::One(key),
        owner: inner.settings.owner.clone(),
        now_ms: inner.parts.clock.now_ms(),
        lease_ms: inner.settings.lease_ms,
    };
    let claims = inner.parts.store.claim(request).await.map_err(|error| api_error(&error))?;
    let claim = claims.into_iter().next().ok_or_else(|| {
        let message = format!("session {session} is with another node; try again");
        ApiError::new(ErrorCode::Conflict, message)
    })?;
    inner
        .leases
        .lock()
        .expect("no code panics while it holds the leases")
        .insert(session.clone(), claim.clone());
    Ok(claim)
}

/// Whether a kept state is the journal's; where only this process can write, it always is.
async fn is_current(inner: &Arc<Inner>, state: &SessionState) -> Result<bool, StoreError> {
    if inner.settings.is_only_writer {
        return Ok(true);
    }
    let behind = EntryRange::following(state.seq, 1);
    Ok(inner.parts.store.entries(&state.journal, behind).await?.is_empty())
}

/// The last snapshot and what followed it.
async fn read(inner: &Arc<Inner>, session: &SessionId) -> Result<Resting, ApiError> {
    let journal: JournalId = session.as_str().into();
    let store = &inner.parts.store;
    let Resting { mut state, mut saving } = saved(inner, &journal).await?;
    loop {
        let range = EntryRange::following(state.seq, PAGE_LIMIT_COUNT);
        let page = store.entries(&journal, range).await.map_err(|error| api_error(&error))?;
        for entry in &page {
            entry
                .verify_after(state.seq, state.hash)
                .map_err(|error| ApiError::new(ErrorCode::JournalCorrupt, error.to_string()))?;
            fold(&mut state, entry)
                .map_err(|error| ApiError::new(ErrorCode::EntryUnknown, error.to_string()))?;
            saving.appended(entry.payload.get().len() as u64);
        }
        if page.len() < PAGE_LIMIT_COUNT {
            return Ok(Resting { state, saving });
        }
    }
}

/// The last snapshot. One that this binary cannot read counts as none: the journal is the truth.
async fn saved(inner: &Arc<Inner>, journal: &JournalId) -> Result<Resting, ApiError> {
    let found = inner.parts.store.snapshot(journal).await.map_err(|error| api_error(&error))?;
    let state = found.as_ref().and_then(|found| snapshot::decode(found.version, &found.bytes));
    let state = state.filter(|state| state.journal == *journal);
    Ok(match state {
        Some(state) => Resting { state, saving: Saving::since(found.as_ref()) },
        None => Resting::unwritten(journal.clone()),
    })
}
