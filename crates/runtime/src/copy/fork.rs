//! Forks: copies of a session's first entries, beside it.

use std::sync::Arc;

use mainstay_protocol::{ApiError, ErrorCode, Principal, Seq, SessionId};

use super::{CopiedBlobs, Copy};
use crate::engine::Engine;
use crate::submit::{Accepted, Idempotency};

impl Engine {
    /// Makes a session of another one's first entries, up to `at` or all of them.
    pub async fn fork(
        &self,
        caller: &Principal,
        session: &SessionId,
        at: Option<Seq>,
        name: Option<SessionId>,
        idempotency: Option<Idempotency>,
    ) -> Result<Accepted, ApiError> {
        let keyed = idempotency.map(|key| (format!("fork:{session}"), key));
        let mut collected = self.collected_before(caller, session).await?;
        if let Some(known) = self.copied(keyed.as_ref()).await? {
            return Ok(known);
        }
        loop {
            let made = self.try_fork(caller, session, at, name.clone(), keyed.clone()).await;
            let now = self.collected_before(caller, session).await?;
            match made {
                // What it needs was collected while it was looked at.
                Err(_) if now != collected => collected = now,
                made => return made,
            }
        }
    }

    async fn try_fork(
        &self,
        caller: &Principal,
        session: &SessionId,
        at: Option<Seq>,
        name: Option<SessionId>,
        keyed: Option<(String, Idempotency)>,
    ) -> Result<Accepted, ApiError> {
        let collected_before = self.collected_before(caller, session).await?;
        let entries = self.entries_until(session, at.unwrap_or(Seq::MAX)).await?;
        if let Some(at) = at
            && entries.last().map(|entry| entry.seq) != Some(at)
        {
            let message = format!("session {session} has no entry {at}");
            return Err(ApiError::new(ErrorCode::InvalidParameter, message).with_param("seq"));
        }
        let seq = entries.last().map_or(0, |entry| entry.seq);
        let (adoption, stays) = self.adoption(session, &entries, collected_before).await?;
        let (is_import, keeps_name, keeps_parent) = (false, false, false);
        let copied = self.copy(Copy {
            caller: caller.clone(),
            session: name.unwrap_or_else(|| SessionId::mint(&mut self.mint())),
            is_import,
            keeps_name,
            keeps_parent,
            entries,
            keyed,
            blobs: CopiedBlobs::Adopted(adoption),
            collected: Some((session.clone(), collected_before, Arc::from(stays))),
        });
        let accepted = copied.await?;
        if !accepted.replayed {
            self.fork_machine(caller, session, &accepted.session, seq).await;
        }
        Ok(accepted)
    }

    /// Up to where the checkpoints of a session are kept no longer.
    async fn collected_before(
        &self,
        caller: &Principal,
        session: &SessionId,
    ) -> Result<Seq, ApiError> {
        let row = self.session_of(session, caller).await?;
        Ok(row.workspace.map_or(0, |workspace| workspace.collected_before))
    }
}
