//! Taking a session: lease, then state from memory or from the journal.

use std::sync::Arc;

use mainstay_core::session::{SessionState, fold};
use mainstay_protocol::{ApiError, ErrorCode, JournalId, SessionId, TaskKey};
use mainstay_store::{Claim, ClaimRequest, ClaimWhat, EntryRange, StoreError};

use crate::engine::{Inner, SESSION_TASK_KIND, api_error};

/// How many entries are read at once.
const PAGE_LIMIT_COUNT: usize = 512;

/// State, lease, and whether attempts of another process may be open.
pub(super) async fn load(
    inner: &Arc<Inner>,
    session: &SessionId,
    parked: Option<Box<SessionState>>,
) -> Result<(SessionState, Claim, bool), ApiError> {
    let claim = claim(inner, session).await?;
    if let Some(state) = parked
        && is_current(inner, &state).await.map_err(|error| api_error(&error))?
    {
        return Ok((*state, claim, false));
    }
    let state = read(inner, session).await?;
    let recover = !state.effects.is_empty();
    Ok((state, claim, recover))
}

async fn claim(inner: &Arc<Inner>, session: &SessionId) -> Result<Claim, ApiError> {
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

async fn read(inner: &Arc<Inner>, session: &SessionId) -> Result<SessionState, ApiError> {
    let journal: JournalId = session.as_str().into();
    let store = &inner.parts.store;
    let mut state = SessionState::new(journal.clone());
    loop {
        let range = EntryRange::following(state.seq, PAGE_LIMIT_COUNT);
        let page = store.entries(&journal, range).await.map_err(|error| api_error(&error))?;
        for entry in &page {
            entry
                .verify_after(state.seq, state.hash)
                .map_err(|error| ApiError::new(ErrorCode::JournalCorrupt, error.to_string()))?;
            fold(&mut state, entry)
                .map_err(|error| ApiError::new(ErrorCode::EntryUnknown, error.to_string()))?;
        }
        if page.len() < PAGE_LIMIT_COUNT {
            return Ok(state);
        }
    }
}
